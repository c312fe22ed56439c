//! The provider's books against ours.

use serde_json::{Value, json};

use super::{restored::restored, sweeping};
use crate::support::{
    donation::{Campaign, PATIENCE},
    eventually,
    webhooks::Books,
};

/// Of all stretches of time that were compared: what was found, by kind.
async fn findings(books: &Books) -> Vec<(String, Value)> {
    let sql = "SELECT k, e::text FROM payment.reconciliations r,
                      unnest(ARRAY['unknown_here', 'unknown_there', 'different']) k,
                      jsonb_array_elements(r.report -> k) e";
    let rows = books.sql.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), serde_json::from_str(row.get(1)).unwrap())).collect()
}

/// The last days were compared when the server began: once more.
pub async fn compared_anew(books: &Books, provider: &str) {
    books.execute("DELETE FROM payment.reconciliations").await;
    let done = format!("payment.reconciliations WHERE findings >= 0 AND provider = '{provider}'");
    eventually(PATIENCE, || async { books.count(&done).await == 7 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_and_differences_are_reported_and_nothing_else() {
    // found, not mended
    let server = sweeping()
        .env("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "3600")
        .env("CAREFORALL_SWEEPER__RECONCILE_EVERY_SECONDS", "86400")
        .start()
        .await;
    let client = server.client();
    let books = Books::open(&server.database().url()).await;
    let campaign = Campaign::open(&client).await;
    let mut payments = Vec::new();
    for minor in [100, 200, 300, 400] {
        let pledge = campaign.pledge(&client, minor).await;
        payments.push(pledge.pay(&client, "pm_success").await);
        pledge.becomes(&client, "completed").await;
    }
    let [fine, renamed, lost, wrong] = &payments[..] else { panic!("four") };
    books
        .sql
        .batch_execute(&format!(
            "UPDATE sandbox.payments SET created_at = created_at - interval '1 day';
             UPDATE payment.payments SET created_at = created_at - interval '1 day';
             UPDATE payment.payments SET provider_payment_id = 'sbx_{zeros}' WHERE id = '{}';
             UPDATE sandbox.payments SET payment_id = gen_random_uuid() WHERE id IN ('{}', '{}');
             UPDATE payment.payments SET provider_payment_id = NULL, created_at = now()
             WHERE id = '{}';
             UPDATE sandbox.payments SET captured_minor = 399 WHERE id = '{}'",
            renamed.id,
            renamed.provider_payment_id,
            lost.provider_payment_id,
            lost.id,
            wrong.provider_payment_id,
            zeros = "0".repeat(32),
        ))
        .await
        .unwrap();
    compared_anew(&books, "sandbox").await;
    let found = findings(&books).await;
    let of = |kind: &str| -> Vec<&Value> {
        found.iter().filter(|(k, _)| k == kind).map(|(_, found)| found).collect()
    };
    let mut here: Vec<_> =
        of("unknown_here").iter().map(|o| o["provider_payment_id"].as_str().unwrap()).collect();
    here.sort_unstable();
    let mut expected = [&*renamed.provider_payment_id, &*lost.provider_payment_id];
    expected.sort_unstable();
    assert_eq!(here, expected);
    assert_eq!(of("different").len(), 1, "{found:?}");
    let different = of("different")[0];
    assert_eq!(different["payment_id"], json!(wrong.id));
    assert_eq!(
        (&different["ours_captured_minor"], &different["theirs_captured_minor"]),
        (&json!(400), &json!(399))
    );
    assert!(!found.iter().any(|(_, f)| f["payment_id"] == json!(fine.id)));
    // ours are found by their identities, which tell that they were made today
    let told = restored(&server.database().url(), 48);
    let unknown = format!("unknown to the provider: sbx_{} ({})", "0".repeat(32), renamed.id);
    assert!(
        told.contains(&unknown)
            && told.contains(&format!("different: {}", wrong.provider_payment_id)),
        "{told}"
    );
    assert!(!told.contains(&fine.id), "{told}");
}
