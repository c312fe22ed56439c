//! Cancelling a pledge, and what its payment has to say to that.

use serde_json::json;

use crate::support::{
    Client,
    donation::{Campaign, PATIENCE, Payment, builder, new_key, plan_fault, promise, sign_up},
    eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_donor_cancels_once_and_can_no_longer_pay() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let user = sign_up(&client).await;
    let guests = campaign.pledge(&client, 100).await;
    let users = campaign.pledge_by(&client, &user, 100).await;
    for pledge in [guests, users] {
        let key = new_key();
        let first = pledge.cancel(&client, &key).send().await.expect(200);
        assert_eq!(
            (&first.body["status"], &first.body["version"]),
            (&json!("cancelled"), &json!(2))
        );
        let replay = pledge.cancel(&client, &key).json(json!({})).send().await.expect(200);
        assert_eq!(replay.header("idempotent-replayed"), Some("true"));
        assert_eq!(replay.body, first.body);
        let again = pledge.cancel(&client, &new_key()).send().await.expect(200);
        assert_eq!((again.header("idempotent-replayed"), &again.body), (None, &first.body));
        let pay = pledge.pay_with(&client, &new_key(), json!({})).send().await;
        pay.expect_problem(409, "pledge-not-payable");
    }
    campaign.totals_become(&client, json!({ "pledged_minor": 0 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captured_money_cannot_be_cancelled() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 100).await;
    pledge.pay(&client, "pm_success").await;
    pledge.becomes(&client, "completed").await;
    for _ in 0..2 {
        let refused = pledge.cancel(&client, &new_key()).send().await;
        refused.expect_problem(409, "pledge-not-cancellable");
    }
    campaign.totals_become(&client, json!({ "pledged_minor": 100, "captured_minor": 100 })).await;
}

async fn canceled_at_bank(client: &Client, payment: &Payment) {
    eventually(PATIENCE, || async { payment.bank_has(client).await["status"] == "canceled" }).await;
    payment.becomes(client, "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_payment_is_cancelled_with_its_pledge() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledges = [campaign.pledge(&client, 100).await, campaign.pledge(&client, 100).await];
    let open = pledges[0].begin_payment(&client).await;
    let held = pledges[1].pay(&client, "pm_authorize_only").await;
    held.becomes(&client, "authorized").await;
    // the bank fails at first: the cancellation is tried again
    plan_fault(&client, "cancel", "fail", 1, 0).await;
    plan_fault(&client, "cancel", "lose_answer", 1, 0).await;
    for pledge in &pledges {
        let answer = pledge.cancel(&client, &new_key()).send().await.expect(200);
        assert_eq!(answer.text("status"), "cancelled");
    }
    for payment in [open, held] {
        canceled_at_bank(&client, &payment).await;
    }
    for pledge in pledges {
        pledge.becomes(&client, "cancelled").await;
    }
    campaign.totals_become(&client, json!({ "pledged_minor": 0, "captured_minor": 0 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_wins_the_race_completes_the_pledge() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 100).await;
    let payment = pledge.begin_payment(&client).await;
    // the bank hears of the cancellation only after the donor has paid
    plan_fault(&client, "cancel", "fail", 3, 0).await;
    pledge.cancel(&client, &new_key()).send().await.expect(200);
    payment.confirm(&client, "pm_success").await;
    payment.becomes(&client, "captured").await;
    pledge.becomes(&client, "completed").await;
    let counted = json!({ "pledged_minor": 100, "captured_minor": 100, "donation_count": 1 });
    campaign.totals_become(&client, counted).await;
    let refused = pledge.cancel(&client, &new_key()).send().await;
    refused.expect_problem(409, "pledge-not-cancellable");
    assert_eq!(payment.bank_has(&client).await["captures"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_campaign_takes_its_unpaid_pledges_with_it() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let unpaid = campaign.pledge(&client, 100).await;
    let begun = campaign.pledge(&client, 200).await;
    let payment = begun.begin_payment(&client).await;
    let paid = campaign.pledge(&client, 400).await;
    paid.pay(&client, "pm_success").await;
    paid.becomes(&client, "completed").await;
    campaign.act(&client, "cancel").await;
    let late = promise(&client, &new_key(), &campaign.gift(100)).await;
    late.expect_problem(409, "campaign-not-accepting");
    unpaid.becomes(&client, "cancelled").await;
    begun.becomes(&client, "cancelled").await;
    canceled_at_bank(&client, &payment).await;
    assert_eq!(paid.read(&client).await["status"], "completed");
    campaign.totals_become(&client, json!({ "pledged_minor": 400, "captured_minor": 400 })).await;
}
