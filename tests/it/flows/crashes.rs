//! `kill -9` in the middle of a request.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{PAYMENTS, PLEDGES, Replicas, count};
use crate::support::{
    Client, Server,
    donation::{Campaign, PATIENCE, Pledge, bank_payments, builder, new_key, plan_fault, promise},
    eventually,
    postgres::execute,
};

/// A payment whose server was killed while the bank, which had done its part, kept it waiting.
async fn killed_between_the_bank_and_phase_c(
    server: &mut Server,
    method: &str,
) -> (Campaign, Pledge, String, String) {
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 7000).await;
    let key = new_key();
    let pay = pledge.pay_with(&client, &key, json!({ "payment_method": method }));
    let request = tokio::spawn(pay.try_send());
    let id = eventually(PATIENCE, || async {
        let id = pledge.read(&client).await["payment_id"].as_str()?.to_owned();
        (bank_payments(&client, &id).await.len() == 1).then_some(id)
    })
    .await;
    server.kill9();
    assert!(request.await.unwrap().is_err(), "the answer was lost");
    server.start_again().await;
    (campaign, pledge, key, id)
}

const EXPIRE: &str = "UPDATE bus.idempotency_key SET lease_until = now() WHERE finished_at IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_phase_c_and_the_client_retries() {
    let mut server = builder().start().await;
    for (method, status) in [("pm_silent", 201), ("pm_success", 201), ("pm_declined", 402)] {
        let (campaign, pledge, key, id) =
            killed_between_the_bank_and_phase_c(&mut server, method).await;
        let client = server.client();
        let with = json!({ "payment_method": method });
        let pay = || pledge.pay_with(&client, &key, with.clone()).send();
        let busy = pay().await.expect_problem(409, "idempotency-in-progress");
        assert_eq!(busy.header("retry-after"), Some("1"));
        execute(&server.database().url(), EXPIRE);
        let answer = pay().await.expect(status);
        assert_eq!(answer.header("idempotent-replayed"), None);
        assert_eq!(answer.text(if status == 201 { "id" } else { "payment_id" }), id);
        let again = pay().await.expect(status);
        assert_eq!(
            (again.header("idempotent-replayed"), &again.body),
            (Some("true"), &answer.body)
        );
        assert_eq!(bank_payments(&client, &id).await.len(), 1);
        let captured = if method == "pm_success" { 700 } else { 0 };
        campaign.totals_become(&client, json!({ "captured_minor": captured })).await;
    }
    assert_eq!(count(&server.database().url(), PAYMENTS).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_phase_c_and_the_client_never_retries() {
    let mut server = builder().start().await;
    let (campaign, pledge, _, id) =
        killed_between_the_bank_and_phase_c(&mut server, "pm_success").await;
    let client = server.client();
    pledge.becomes(&client, "completed").await;
    let counted = json!({ "captured_minor": 700, "pledged_minor": 700, "donation_count": 1 });
    campaign.totals_become(&client, counted).await;
    let path = format!("/api/v1/payments/{id}");
    let payment = client.get(&path).bearer(&pledge.token).send().await.expect(200);
    assert_eq!(payment.text("status"), "captured");
    let at_bank = bank_payments(&client, &id).await;
    assert_eq!((at_bank.len(), &at_bank[0]["id"]), (1, &payment.body["provider_payment_id"]));
}

/// A gift that was posted under a key, and the pledge's id if it was acknowledged.
struct Posted {
    key: String,
    gift: Value,
    acknowledged: Option<String>,
}

/// Posts until nobody listens any more: however late that is, some are not acknowledged.
async fn post_until_killed(client: &Client, campaign: &Campaign) -> Vec<Posted> {
    let givers = (0..16).map(|_| async {
        let mut posted = Vec::new();
        for amount in 1.. {
            let (key, gift) = (new_key(), campaign.gift(amount));
            let post = client.post("/api/v1/pledges").idempotency_key(&key).json(&gift);
            let answer = post.try_send().await.ok();
            let acknowledged = answer.map(|answer| answer.expect(201).text("id"));
            let is_gone = acknowledged.is_none();
            posted.push(Posted { key, gift, acknowledged });
            if is_gone {
                break;
            }
        }
        posted
    });
    join_all(givers).await.into_iter().flatten().collect()
}

/// Kills `server` while it is posted to; the keys are sent again to its successor or its peer.
async fn killed_under_load(server: &mut Server, peer: Option<Client>) {
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let url = server.database().url();
    let (posted, ()) = futures_util::join!(post_until_killed(&client, &campaign), async {
        eventually(PATIENCE, || async { count(&url, PLEDGES).await >= 60 }).await;
        server.kill9();
    });
    let client = if let Some(peer) = peer {
        peer
    } else {
        server.start_again().await;
        server.client()
    };
    let made = usize::try_from(count(&url, PLEDGES).await).unwrap();
    assert!(made >= posted.iter().filter(|post| post.acknowledged.is_some()).count());
    for Posted { key, gift, acknowledged } in &posted {
        let answer = promise(&client, key, gift).await.expect(201);
        if let Some(id) = acknowledged {
            let replayed = answer.header("idempotent-replayed");
            assert_eq!((replayed, &answer.text("id")), (Some("true"), id));
        }
    }
    assert_eq!(usize::try_from(count(&url, PLEDGES).await).unwrap(), posted.len());
    let sum: i64 = posted.iter().map(|post| post.gift["amount_minor"].as_i64().unwrap()).sum();
    campaign.totals_become(&client, json!({ "pledged_minor": sum })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_no_acknowledged_pledge_is_lost_or_doubled() {
    killed_under_load(&mut builder().start().await, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_its_peer_answers_for_it() {
    let mut replicas = Replicas::start(2, true).await;
    let peer = replicas.servers[1].client();
    killed_under_load(&mut replicas.servers[0], Some(peer)).await;
}
