//! Nobody sees another donor's address: every route that reads is asked for it.

use serde_json::{Value, json};

use crate::{
    auth::access,
    support::{
        Client, Server,
        donation::{Campaign, PATIENCE, builder, changed, new_key, promise, sign_up, sign_up_as},
        eventually,
    },
};

const GUEST: &str = "guest-donor@example.org";
const USER: &str = "signed-in-donor@example.org";
const NAMED: &str = "named-donor@example.org";

/// What the placeholders of paths stand for.
struct Ids(Vec<(&'static str, String)>);

impl Ids {
    /// The paths of a template, one for each thing it may name.
    fn fill(&self, template: &str) -> Vec<String> {
        let Some(open) = template.find('{') else { return vec![template.to_owned()] };
        let close = template.find('}').unwrap();
        let section = template.split('/').nth(3).unwrap_or_default();
        let place = &template[open..=close];
        let fits = |(of, _): &&(&str, String)| *of == section || *of == place;
        let fitting: Vec<_> = self.0.iter().filter(fits).collect();
        assert!(!fitting.is_empty() || section == "sandbox", "teach this test {template}");
        fitting.iter().map(|(_, id)| template.replace(place, id)).collect()
    }
}

/// The routes that read, and are not the operators' or the bank's.
async fn readable(client: &Client) -> Vec<String> {
    let document = client.get("/openapi.json").send().await.expect(200).body;
    let paths = document["paths"].as_object().unwrap();
    let reads = paths.iter().filter(|(_, item)| item.get("get").is_some());
    let others = |path: &&String| !path.contains("/sandbox/") && !path.contains("/admin/");
    reads.map(|(path, _)| path).filter(others).cloned().collect()
}

async fn donations(server: &Server, campaign: &Campaign) -> Ids {
    let client = server.client();
    let gift = |email: &str| changed(campaign.gift(1000), json!({ "donor_email": email }));
    let guest = promise(&client, &new_key(), &gift(GUEST)).await.expect(201);
    let user = sign_up_as(&client, USER).await;
    let own = campaign.pledge_by(&client, &user, 1000).await;
    let keeper = access(server, "key-holder@example.org").await;
    let key = crate::auth::api_keys::create(server, &keeper).await;
    let request = client.post("/api/v1/pledges").bearer(&key).idempotency_key(new_key());
    let named = request.json(gift(NAMED)).send().await.expect(201);
    let mut ids = vec![
        ("campaigns", campaign.id.clone()),
        ("{code}", "not-found".to_owned()),
        // only administrators read these
        ("refunds", campaign.id.clone()),
        ("pledges", named.text("id")),
        ("pledges", own.id.clone()),
        ("pledges", guest.text("id")),
    ];
    let guest_pledge =
        crate::support::donation::Pledge { id: guest.text("id"), token: guest.text("guest_token") };
    for pledge in [own, guest_pledge] {
        let payment = pledge.pay(&client, "pm_success").await;
        pledge.becomes(&client, "completed").await;
        ids.push(("payments", payment.id));
    }
    Ids(ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_another_donors_address_on_any_route() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let ids = donations(&server, &campaign).await;
    let stranger = sign_up(&client).await;
    let other_guest = campaign.pledge(&client, 100).await.token;
    let callers = [
        ("nobody", None),
        ("another user", Some(stranger.as_str())),
        ("another guest", Some(other_guest.as_str())),
        ("the campaign's owner", Some(campaign.owner.as_str())),
    ];
    campaign.totals_become(&client, json!({ "captured_minor": 2000 })).await;
    let routes = readable(&client).await;
    let (mut asked, mut shown) = (0, 0);
    for path in routes.iter().flat_map(|template| ids.fill(template)) {
        for (who, token) in callers {
            let request = client.get(&path);
            let request = token.map_or_else(|| client.get(&path), |token| request.bearer(token));
            let answer = request.send().await;
            assert!(answer.status < 500, "{who} {path}");
            let told = format!("{}{:?}", answer.body, answer.headers);
            for email in [GUEST, USER, NAMED] {
                assert!(!told.contains(email), "{who} reads an address at {path}: {told}");
            }
            asked += 1;
            shown += usize::from(answer.status == 200);
        }
    }
    assert!(asked > 60 && shown > 25, "{asked} asked, {shown} shown");
    assert!(!routes.is_empty());
}

/// The operators' log and the events that modules tell each other hold none either.
#[tokio::test(flavor = "multi_thread")]
async fn neither_log_nor_events_hold_an_address() {
    let mut server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    donations(&server, &campaign).await;
    let sql = server.database().client().await;
    let events = "SELECT coalesce(string_agg(payload::text, ' '), '') FROM bus.event_log";
    eventually(PATIENCE, async || {
        let left = "SELECT count(*) FROM bus.outbox";
        sql.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    let told: String = sql.query_one(events, &[]).await.unwrap().get(0);
    assert!(told.len() > 1000);
    let (log, told): (String, Value) = (server.whole_log().await, json!(told));
    for email in [GUEST, USER, NAMED] {
        assert!(!log.contains(email) && !told.to_string().contains(email), "{email}");
    }
}
