//! A gift from promise to total.

use serde_json::json;

use crate::support::donation::{Campaign, builder};

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
