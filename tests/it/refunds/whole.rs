//! All gifts of a cancelled campaign, in one act.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Office;
use crate::support::{
    Client, Response,
    donation::{PATIENCE, Payment, Pledge, plan_fault},
    eventually,
};

/// Nobody works on them any more.
const ABANDON: &str =
    "UPDATE payment.refunds SET next_attempt_at = now() WHERE status = 'requested'";

impl Office {
    fn run(&self) -> String {
        format!("/api/v1/admin/campaigns/{}/refund-all", self.world.campaign.id)
    }

    pub(super) async fn refund_all(&self, client: &Client) -> Response {
        let why = json!({ "reason": "no wells can be dug" });
        client.post(&self.run()).bearer(&self.admin).json(why).send().await
    }

    pub(super) async fn run_has(&self, expected: Value) {
        let client = &self.world.client;
        eventually(PATIENCE, || async {
            let run = client.get(&self.run()).bearer(&self.admin).send().await.expect(200).body;
            !run["walked_at"].is_null() && crate::support::donation::has(&run, &expected)
        })
        .await;
    }

    /// So many captured gifts of 100.00 USD, of a campaign that is then cancelled.
    async fn cancelled_with(&self, gifts: usize) -> Vec<(Pledge, Payment)> {
        let paid = join_all((0..gifts).map(|_| self.paid("pm_success"))).await;
        for (pledge, _) in &paid {
            pledge.becomes(&self.world.client, "completed").await;
        }
        self.world.campaign.act(&self.world.client, "cancel").await;
        paid
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_gift_still_holds_goes_back_once_but_for_what_is_disputed() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (whole, part) = (office.paid("pm_success").await, office.paid("pm_success").await);
    let (disputed, never) = (office.paid("pm_success").await, office.paid("pm_refund_fails").await);
    part.1.refund(client, &office.admin, 3000).send().await.expect(202);
    office.refunded(&part.0, 3000).await;
    disputed.1.at_counter(client, "disputes", json!({ "amount_minor": 4000 })).await;
    office.world.campaign.totals_become(client, json!({ "disputed_minor": 4000 })).await;
    office.refund_all(client).await.expect_problem(409, "invalid-transition");
    let none = client.get(&office.run()).bearer(&office.admin).send().await;
    none.expect_problem(404, "not-found");
    office.world.campaign.act(client, "cancel").await;
    let donor = client.post(&office.run()).bearer(&office.world.campaign.owner);
    donor.json(json!({ "reason": "mine" })).send().await.expect_problem(403, "forbidden");
    let silent = client.post(&office.run()).bearer(&office.admin).json(json!({}));
    silent.send().await.expect_problem(400, "validation-failed");

    let begun = office.refund_all(client).await.expect(202).body;

    assert_eq!((&begun["reason"], &begun["skipped"]), (&json!("no wells can be dug"), &json!(0)));
    let left = json!({ "payments": 1, "amount_minor": 10_000 });
    let expected =
        json!({ "refunds_requested": 4, "refunds_done": 3, "refunds_failed": 1, "left": left });
    office.run_has(expected).await;
    whole.0.becomes(client, "refunded").await;
    part.0.becomes(client, "refunded").await;
    office.world.ends_with(40_000, 26_000, 4000).await;
    for ((_, payment), sums) in
        [(whole, vec![10_000]), (part, vec![3000, 7000]), (disputed, vec![6000])]
    {
        let refunds = payment.bank_refunds(client).await;
        let minor: Vec<_> = refunds.iter().map(|r| r["amount_minor"].as_i64().unwrap()).collect();
        assert_eq!(minor, sums);
    }

    // once more: only what failed is tried again
    let again = office.refund_all(client).await.expect(202).body;
    assert_ne!(again["id"], begun["id"]);
    let left = json!({ "payments": 1, "amount_minor": 10_000 });
    let expected =
        json!({ "refunds_requested": 5, "refunds_done": 3, "refunds_failed": 2, "left": left });
    office.run_has(expected).await;
    assert_eq!(never.1.bank_refunds(client).await.len(), 2);
    office.world.ends_with(40_000, 26_000, 4000).await;
    let acts =
        "bus.audit_log WHERE action = 'campaign.refund_all' AND reason = 'no wells can be dug'";
    assert_eq!(office.world.books.count(acts).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_goes_on_where_it_was() {
    let mut office = Office::new().await;
    // more than are reserved at once
    let paid = office.cancelled_with(60).await;
    let client = office.world.client.clone();
    plan_fault(&client, "refund", "delay", 8, 7000).await;
    office.refund_all(&client).await.expect(202);
    let asked = "sandbox.refunds";
    eventually(PATIENCE, || async { office.world.books.count(asked).await > 0 }).await;
    let reserved = office.world.books.count("payment.refunds").await;
    assert_eq!(reserved, 50, "in the middle");
    office.world.server.kill9();

    office.world.server.start_again().await;
    office.world.client = office.world.server.client();
    office.world.books.execute(ABANDON).await;

    let left = json!({ "payments": 0, "amount_minor": 0 });
    let expected =
        json!({ "refunds_requested": 60, "refunds_done": 60, "refunds_failed": 0, "left": left });
    office.run_has(expected).await;
    office.world.campaign.totals_become(&office.world.client, json!({ "net_minor": 0 })).await;
    office.world.ends_with(600_000, 600_000, 0).await;
    assert_eq!(office.world.books.count("sandbox.refunds").await, 60);
    paid[0].0.becomes(&office.world.client, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_acts_and_single_refunds_at_the_same_time_give_back_once() {
    let office = Office::new().await;
    let replica = office.world.replica().await;
    let clients = [office.world.client.clone(), replica.client()];
    let paid = office.cancelled_with(20).await;

    let singles = join_all(
        paid.iter().map(|(_, payment)| payment.refund(&clients[1], &office.admin, 6000).send()),
    );
    let acts = join_all(clients.iter().cycle().take(4).map(|client| office.refund_all(client)));
    let (singles, acts) = tokio::join!(singles, acts);

    for act in acts {
        act.expect(202);
    }
    for single in singles.into_iter().filter(|single| single.status != 202) {
        single.expect_problem(422, "refund-exceeds-available");
    }
    for (pledge, payment) in &paid {
        pledge.becomes(&clients[0], "refunded").await;
        let back = payment.bank_refunds(&clients[0]).await;
        let minor: i64 = back.iter().map(|refund| refund["amount_minor"].as_i64().unwrap()).sum();
        assert_eq!(minor, 10_000);
    }
    office.world.ends_with(200_000, 200_000, 0).await;
}
