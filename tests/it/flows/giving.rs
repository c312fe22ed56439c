//! A gift from promise to total.

use serde_json::json;

use crate::support::donation::{
    Campaign, builder, changed, new_email, new_key, promise, sign_up_as,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_gift_is_counted() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 2500).await;
    let payment = pledge.begin_payment(&client).await;
    payment.confirm(&client, "pm_success").await;
    payment.becomes(&client, "captured").await;
    pledge.becomes(&client, "completed").await;
    let given = json!({ "pledged_minor": 2500, "captured_minor": 2500, "net_minor": 2500,
                        "donation_count": 1, "donor_count": 1 });
    campaign.totals_become(&client, given).await;
    payment.event("payment.captured").accepted(&client).await;
    assert_eq!(payment.read(&client).await["captured_minor"], 2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_donor_with_many_gifts_is_one_donor() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let email = new_email();
    let token = sign_up_as(&client, &email).await;
    campaign.pledge_by(&client, &token, 100).await.pay(&client, "pm_success").await;
    for written in [email.clone(), email.to_uppercase(), new_email()] {
        let gift = changed(campaign.gift(100), json!({ "donor_email": written }));
        let made = promise(&client, &new_key(), &gift).await.expect(201);
        let pay = client.post("/api/v1/payments").bearer(made.text("guest_token"));
        let order = json!({ "pledge_id": made.text("id"), "payment_method": "pm_success" });
        pay.idempotency_key(new_key()).json(order).send().await.expect(201);
    }
    let counted = json!({ "captured_minor": 400, "donation_count": 4, "donor_count": 2 });
    campaign.totals_become(&client, counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gift_given_back_or_disputed_is_not_paid_again() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let ids = json!({ "refund_id": "re_1", "dispute_id": null });
    for (event, data, status, code) in [
        ("refund.succeeded", ids, "refunded", "pledge-not-payable"),
        ("dispute.opened", json!({ "dispute_id": "dp_1" }), "disputed", "payment-already-active"),
    ] {
        let pledge = campaign.pledge(&client, 100).await;
        let payment = pledge.pay(&client, "pm_success").await;
        pledge.becomes(&client, "completed").await;
        payment.event(event).data(data).accepted(&client).await;
        pledge.becomes(&client, status).await;
        let again = pledge.pay_with(&client, &new_key(), json!({})).send().await;
        again.expect_problem(409, code);
        let cancel = pledge.cancel(&client, &new_key()).send().await;
        cancel.expect_problem(409, "pledge-not-cancellable");
    }
    let counted = json!({ "captured_minor": 200, "refunded_minor": 100, "disputed_minor": 100,
                          "net_minor": 0, "donation_count": 2, "pledged_minor": 200 });
    campaign.totals_become(&client, counted).await;
}
