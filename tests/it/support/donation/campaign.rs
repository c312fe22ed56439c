//! Campaigns, and what is given to them.

use serde_json::{Value, json};

use super::{
    super::{Client, wait::eventually},
    PATIENCE, Pledge, changed, has, new_email, new_key, promise, sign_up,
};

/// A published campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub id: String,
    /// Its owner's access token.
    pub owner: String,
}

impl Campaign {
    /// Active, of a new owner: 1,000.00 USD wanted, more is welcome.
    pub async fn open(client: &Client) -> Self {
        Self::open_with(client, json!({})).await
    }

    pub async fn open_with(client: &Client, changes: Value) -> Self {
        let campaign = Self::draft(client, changes).await;
        campaign.act(client, "publish").await;
        campaign
    }

    pub async fn draft(client: &Client, changes: Value) -> Self {
        let owner = sign_up(client).await;
        let wells = json!({ "title": "Wells", "description": "Clean water.",
                            "goal_minor": 100_000, "currency": "USD" });
        let request = client.post("/api/v1/campaigns").bearer(&owner);
        let draft = request.json(changed(wells, changes)).send().await.expect(201);
        Self { id: draft.text("id"), owner }
    }

    pub fn path(&self) -> String {
        format!("/api/v1/campaigns/{}", self.id)
    }

    /// `publish`, `pause`, `resume`, `end` or `cancel`.
    pub async fn act(&self, client: &Client, action: &str) {
        let path = format!("{}/{action}", self.path());
        client.post(&path).bearer(&self.owner).send().await.expect(200);
    }

    pub async fn revise(&self, client: &Client, changes: Value) {
        let now = client.get(&self.path()).bearer(&self.owner).send().await.expect(200);
        let patch = client.patch(&self.path()).bearer(&self.owner).if_match(&now.body["version"]);
        patch.json(changes).send().await.expect(200);
    }

    /// The body of a new guest's `POST /pledges`.
    pub fn gift(&self, amount_minor: i64) -> Value {
        json!({ "campaign_id": self.id, "amount_minor": amount_minor, "currency": "USD",
                "donor_email": new_email() })
    }

    /// A new guest's pledge.
    pub async fn pledge(&self, client: &Client, amount_minor: i64) -> Pledge {
        let answer = promise(client, &new_key(), &self.gift(amount_minor)).await.expect(201);
        Pledge { id: answer.text("id"), token: answer.text("guest_token") }
    }

    /// A pledge by somebody with an account, whose access token this is.
    pub async fn pledge_by(&self, client: &Client, token: &str, amount_minor: i64) -> Pledge {
        let gift = changed(self.gift(amount_minor), json!({ "donor_email": null }));
        let request = client.post("/api/v1/pledges").bearer(token).idempotency_key(new_key());
        let answer = request.json(gift).send().await.expect(201);
        Pledge { id: answer.text("id"), token: token.to_owned() }
    }

    /// As the read model has them now.
    pub async fn totals(&self, client: &Client) -> Value {
        let path = format!("{}/totals?realtime=true", self.path());
        client.get(&path).send().await.expect(200).body
    }

    /// Waits until the totals have these members. In between nothing may be negative.
    #[track_caller]
    pub fn totals_become(
        &self,
        client: &Client,
        expected: Value,
    ) -> impl Future<Output = ()> + use<> {
        let (campaign, client) = (self.clone(), client.clone());
        eventually(PATIENCE, move || {
            let (campaign, client, expected) = (campaign.clone(), client.clone(), expected.clone());
            async move {
                let totals = campaign.totals(&client).await;
                let net = totals["net_minor"].as_i64().unwrap();
                assert!(net >= 0 && totals["pledged_minor"].as_i64().unwrap() >= 0, "{totals}");
                has(&totals, &expected)
            }
        })
    }
}
