//! Campaigns that take no more than their goal.

use futures_util::future::join_all;
use serde_json::json;

use super::Replicas;
use crate::support::{
    Client, Response,
    donation::{Campaign, Pledge, bank_payments, builder, new_key, promise},
};

const LIMIT: &str = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM pledge.pledges \
                     WHERE status NOT IN ('cancelled', 'failed')";

async fn limited(client: &Client, goal_minor: i64) -> Campaign {
    let terms = json!({ "goal_minor": goal_minor, "allow_overfunding": false });
    Campaign::open_with(client, terms).await
}

async fn give(client: &Client, campaign: &Campaign, amount: i64) -> Response {
    promise(client, &new_key(), &campaign.gift(amount)).await
}

async fn never_above_the_goal(replicas: usize) {
    let replicas = Replicas::start(replicas, false).await;
    let client = replicas.client();
    let campaign = limited(&client, 1000).await;
    let clients = replicas.clients(100);
    let answers = join_all(clients.iter().map(|client| give(client, &campaign, 70))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 14, "fourteen times 70 fit under 1000");
    for refused in answers.into_iter().filter(|answer| answer.status != 201) {
        refused.expect_problem(422, "goal-exceeded");
    }
    assert_eq!(replicas.count(LIMIT).await, 980);
    give(&client, &campaign, 20).await.expect(201);
    give(&client, &campaign, 1).await.expect_problem(422, "goal-exceeded");
    campaign.totals_become(&client, json!({ "pledged_minor": 1000 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_gifts_never_exceed_the_goal() {
    never_above_the_goal(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_gifts_never_exceed_the_goal_on_two_replicas() {
    never_above_the_goal(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_take_no_room_from_others() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = limited(&client, 1000).await;
    let (key, gift) = (new_key(), campaign.gift(300));
    let again = join_all((0..60).map(|_| promise(&client, &key, &gift)));
    let others = join_all((0..7).map(|_| give(&client, &campaign, 100)));
    let (again, others) = futures_util::join!(again, others);
    for answer in again.into_iter().chain(others) {
        answer.expect(201);
    }
    give(&client, &campaign, 1).await.expect_problem(422, "goal-exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_pledge_gives_its_room_back() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = limited(&client, 1000).await;
    let pledge = campaign.pledge(&client, 600).await;
    let (key, gift) = (new_key(), campaign.gift(500));
    promise(&client, &key, &gift).await.expect_problem(422, "goal-exceeded");
    for _ in 0..2 {
        pledge.cancel(&client, &new_key()).send().await.expect(200);
    }
    promise(&client, &key, &gift).await.expect(201);
    give(&client, &campaign, 501).await.expect_problem(422, "goal-exceeded");
    give(&client, &campaign, 500).await.expect(201);
    campaign.totals_become(&client, json!({ "pledged_minor": 1000 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gifts_made_while_overfunding_was_allowed_count_when_it_no_longer_is() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = limited(&client, 1000).await;
    let early = campaign.pledge(&client, 100).await;
    campaign.revise(&client, json!({ "allow_overfunding": true })).await;
    let large = campaign.pledge(&client, 5000).await;
    let small = campaign.pledge(&client, 300).await;
    large.cancel(&client, &new_key()).send().await.expect(200);
    campaign.revise(&client, json!({ "allow_overfunding": false })).await;
    give(&client, &campaign, 601).await.expect_problem(422, "goal-exceeded");
    give(&client, &campaign, 600).await.expect(201);
    for pledge in [small, early] {
        pledge.cancel(&client, &new_key()).send().await.expect(200);
    }
    give(&client, &campaign, 401).await.expect_problem(422, "goal-exceeded");
    give(&client, &campaign, 400).await.expect(201);
    campaign.totals_become(&client, json!({ "pledged_minor": 1000 })).await;
}

async fn fail(client: &Client, pledge: &Pledge) -> Response {
    let declined = pledge.pay_with(client, &new_key(), json!({ "payment_method": "pm_declined" }));
    let declined = declined.send().await.expect_problem(402, "payment-declined");
    pledge.becomes(client, "failed").await;
    declined
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_pledge_has_to_find_room_again() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = limited(&client, 1000).await;
    let pledge = campaign.pledge(&client, 600).await;
    let first = fail(&client, &pledge).await.text("payment_id");
    campaign.totals_become(&client, json!({ "pledged_minor": 0 })).await;
    let other = campaign.pledge(&client, 401).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_success" })).send();
    pay().await.expect_problem(409, "pledge-not-payable");
    assert_eq!(pledge.read(&client).await["status"], "failed");
    other.cancel(&client, &new_key()).send().await.expect(200);
    pledge.made(pay().await).becomes(&client, "captured").await;
    pledge.becomes(&client, "completed").await;
    assert_eq!(bank_payments(&client, &first).await[0]["status"], "canceled");
    give(&client, &campaign, 401).await.expect_problem(422, "goal-exceeded");
    campaign.totals_become(&client, json!({ "pledged_minor": 600, "captured_minor": 600 })).await;
}
