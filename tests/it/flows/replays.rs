//! What is remembered of a request, and by whom.

use futures_util::future::join_all;
use serde_json::json;

use super::{PLEDGES, Replicas};
use crate::support::{
    Response,
    donation::PATIENCE,
    donation::{Campaign, builder, new_key, promise},
    eventually,
};

fn replayed(answer: &Response) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_does_not_ask_whether_the_campaign_still_takes_gifts() {
    let replicas = Replicas::start(2, false).await;
    let clients = replicas.clients(2);
    let campaign = Campaign::open(&clients[0]).await;
    let (key, gift) = (new_key(), campaign.gift(2500));
    let first = promise(&clients[0], &key, &gift).await.expect(201);
    for action in ["pause", "cancel"] {
        campaign.act(&clients[0], action).await;
        for client in &clients {
            let again = promise(client, &key, &gift).await.expect(201);
            assert!(replayed(&again) && again.body == first.body);
        }
        let new = promise(&clients[1], &new_key(), &gift).await;
        new.expect_problem(409, "campaign-not-accepting");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_judged_anew() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let (key, gift) = (new_key(), campaign.gift(2500));
    campaign.act(&client, "pause").await;
    for _ in 0..2 {
        let refused = promise(&client, &key, &gift).await;
        assert!(!replayed(&refused));
        refused.expect_problem(409, "campaign-not-accepting");
    }
    campaign.act(&client, "resume").await;
    assert!(!replayed(&promise(&client, &key, &gift).await.expect(201)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_frees_its_key_for_another_request() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open_with(
        &client,
        json!({ "goal_minor": 1000,
                                                       "allow_overfunding": false }),
    )
    .await;
    let key = new_key();
    let mut gift = campaign.gift(1001);
    promise(&client, &key, &gift).await.expect_problem(422, "goal-exceeded");
    gift["currency"] = json!("EUR");
    promise(&client, &key, &gift).await.expect_problem(422, "currency-mismatch");
    gift["currency"] = json!("USD");
    gift["amount_minor"] = json!(1000);
    promise(&client, &key, &gift).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_has_forgotten_is_replayed_from_postgres() {
    let replicas = Replicas::start(2, true).await;
    let (clients, redis) = (replicas.clients(2), replicas.redis.as_ref().unwrap());
    let campaign = Campaign::open(&clients[0]).await;
    let (key, gift) = (new_key(), campaign.gift(2500));
    let first = promise(&clients[0], &key, &gift).await.expect(201);
    for client in clients.iter().cycle().take(4) {
        assert_eq!(redis.command("FLUSHALL").unwrap(), "+OK");
        let again = promise(client, &key, &gift).await.expect(201);
        assert!(replayed(&again) && again.body == first.body);
    }
    assert_eq!(replicas.count(PLEDGES).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_stop_and_hang_under_load() {
    let mut replicas = Replicas::start(2, true).await;
    let clients = replicas.clients(90);
    let campaign = Campaign::open(&clients[0]).await;
    let orders: Vec<_> = (0..30).map(|_| (new_key(), campaign.gift(100))).collect();
    let post_all = || {
        let thrice = orders.iter().chain(&orders).chain(&orders);
        join_all(thrice.zip(&clients).map(|((key, gift), client)| promise(client, key, gift)))
    };
    let (answers, ()) = futures_util::join!(post_all(), async {
        replicas.redis.as_ref().unwrap().pause();
    });
    for answer in answers {
        answer.expect(201);
    }
    replicas.redis.as_ref().unwrap().resume();
    replicas.redis.as_mut().unwrap().stop();
    for answer in post_all().await {
        assert!(replayed(&answer.expect(201)));
    }
    assert_eq!(replicas.count(PLEDGES).await, 30);
    let health = clients[0].get("/readyz").send().await.expect(200);
    assert_eq!((health.text("status"), health.text("redis")), ("degraded".into(), "down".into()));
    replicas.redis.as_mut().unwrap().start_again();
    eventually(PATIENCE, || async {
        clients[0].get("/readyz").send().await.expect(200).text("status") == "ready"
    })
    .await;
    campaign.totals_become(&clients[1], json!({ "pledged_minor": 3000 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_process_remembers_what_was_repeated() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let (key, gift) = (new_key(), campaign.gift(2500));
    let first = promise(&client, &key, &gift).await.expect(201);
    assert!(replayed(&promise(&client, &key, &gift).await.expect(201)));
    let sql = server.database().client().await;
    sql.batch_execute("TRUNCATE bus.idempotency_key").await.unwrap();
    let again = promise(&client, &key, &gift).await.expect(201);
    assert!(replayed(&again) && again.body == first.body);
    let health = client.get("/readyz").send().await.expect(200);
    assert_eq!((health.text("status"), health.text("redis")), ("ready".into(), "off".into()));
}
