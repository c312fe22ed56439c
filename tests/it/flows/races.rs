//! Requests that are about the same thing and do not wait for each other.

use futures_util::future::join_all;
use serde_json::json;

use super::Replicas;
use crate::support::donation::{Campaign, new_key, promise};

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_and_cancels_at_once_has_either_given_or_not() {
    let replicas = Replicas::start(2, false).await;
    let clients = replicas.clients(2);
    let campaign = Campaign::open(&clients[0]).await;
    let races = (0..20).map(|_| async {
        let pledge = campaign.pledge(&clients[0], 100).await;
        let with = json!({ "payment_method": "pm_success" });
        let (pay, cancel) = futures_util::join!(
            pledge.pay_with(&clients[0], &new_key(), with).send(),
            pledge.cancel(&clients[1], &new_key()).send(),
        );
        assert!(matches!(pay.status, 201 | 409), "{}", pay.body);
        assert!(matches!(cancel.status, 200 | 409), "{}", cancel.body);
        let captured = pledge.settles(&clients[0]).await;
        assert!(pay.status == 201 || captured == 0);
        captured
    });
    let captured: i64 = join_all(races).await.into_iter().sum();
    let counted = json!({ "captured_minor": captured, "pledged_minor": captured });
    campaign.totals_become(&clients[1], counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_cancellations_are_one() {
    let replicas = Replicas::start(2, false).await;
    let clients = replicas.clients(30);
    let campaign = Campaign::open(&clients[0]).await;
    let pledge = campaign.pledge(&clients[0], 100).await;
    let key = new_key();
    let cancel = clients.iter().enumerate().map(|(i, client)| {
        let own = new_key();
        pledge.cancel(client, if i % 3 == 0 { &key } else { &own }).send()
    });
    for answer in join_all(cancel).await {
        let answer = answer.expect(200);
        assert_eq!(
            (&answer.body["status"], &answer.body["version"]),
            (&json!("cancelled"), &json!(2))
        );
    }
    assert_eq!(pledge.read(&clients[0]).await["version"], 2);
    campaign.totals_become(&clients[1], json!({ "pledged_minor": 0 })).await;
}

const TAKEN: &str = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM pledge.pledges \
                     WHERE status NOT IN ('cancelled', 'failed')";

#[tokio::test(flavor = "multi_thread")]
async fn gifts_cancellations_and_changed_terms_get_along() {
    let replicas = Replicas::start(2, false).await;
    let clients = replicas.clients(60);
    let terms = json!({ "goal_minor": 4000, "allow_overfunding": false });
    let mut campaigns = Vec::new();
    for _ in 0..4 {
        campaigns.push(Campaign::open_with(&clients[0], terms.clone()).await);
    }
    let gifts = clients.iter().zip(campaigns.iter().cycle()).enumerate().map(
        async |(i, (client, campaign))| {
            let made = promise(client, &new_key(), &campaign.gift(100)).await.expect(201);
            if i % 5 == 0 {
                let path = format!("/api/v1/pledges/{}/cancel", made.text("id"));
                let cancel = client.post(&path).bearer(made.text("guest_token"));
                cancel.idempotency_key(new_key()).send().await.expect(200);
            }
        },
    );
    let toggles = campaigns.iter().map(async |campaign| {
        for allow in [true, false, true, false] {
            campaign.revise(&clients[1], json!({ "allow_overfunding": allow })).await;
        }
    });
    futures_util::join!(join_all(gifts), join_all(toggles));
    assert_eq!(replicas.count(TAKEN).await, 4800);
    for campaign in &campaigns {
        let path = campaign.path();
        let full = promise(&clients[0], &new_key(), &campaign.gift(4001)).await;
        let full = full.expect_problem(422, "goal-exceeded");
        assert!(full.text("detail").contains("room for 28.00 USD"), "{path}: {}", full.body);
        campaign.totals_become(&clients[1], json!({ "pledged_minor": 1200 })).await;
    }
}
