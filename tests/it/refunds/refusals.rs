//! Who may, with what, and how often.

use serde_json::json;

use super::Office;
use crate::support::{
    client::Request,
    donation::{new_key, sign_up},
};

const UNKNOWN: &str = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_refused_for_its_first_mistake() {
    let office = Office::new().await;
    let (client, admin) = (&office.world.client, &office.admin);
    let (pledge, payment) = office.paid("pm_success").await;
    let unpaid = office.world.payment().await;
    let user = sign_up(client).await;
    let path = format!("{}/refunds", payment.path());
    let elsewhere = client.post(&format!("/api/v1/payments/{UNKNOWN}/refunds"));
    let (spent, key) = (new_key(), new_key());
    payment
        .act(client, admin, &spent, "refunds")
        .json(json!({ "amount_minor": 1 }))
        .send()
        .await
        .expect(202);
    let post = || client.post(&path);
    let form = json!({ "amount_minor": 0 });
    let cases: Vec<(Request, u16, &str)> = vec![
        (post().json(&form), 401, "unauthorized"),
        (post().bearer(&pledge.token).json(&form), 401, "unauthorized"),
        (post().bearer(&user).json(&form), 403, "forbidden"),
        (post().bearer(admin).json(&form), 400, "idempotency-key-missing"),
        (post().bearer(admin).idempotency_key(&spent).raw("{"), 400, "malformed-json"),
        (post().bearer(admin).idempotency_key(&spent).json(&form), 400, "validation-failed"),
        (post().bearer(admin).idempotency_key(&spent), 422, "idempotency-key-reused"),
        (elsewhere.bearer(admin).idempotency_key(&key), 404, "not-found"),
        (payment.refund(client, admin, 10_000), 422, "refund-exceeds-available"),
        (unpaid.refund(client, admin, 1), 422, "refund-exceeds-available"),
        (client.get(&format!("/api/v1/refunds/{UNKNOWN}")).bearer(admin), 404, "not-found"),
        (client.get(&format!("/api/v1/refunds/{UNKNOWN}")).bearer(&user), 403, "forbidden"),
        (client.get(&format!("/api/v1/refunds/{UNKNOWN}")), 401, "unauthorized"),
    ];
    for (request, status, code) in cases {
        request.send().await.expect_problem(status, code);
    }
    let bodies = [
        json!({ "amount_minor": 1.5 }),
        json!({ "amount": 5 }),
        json!({ "reason": "x".repeat(501) }),
    ];
    for body in bodies {
        let bad = post().bearer(admin).idempotency_key(new_key()).json(body).send().await;
        bad.expect_problem(400, "validation-failed");
    }
    office.world.ends_with(10_000, 1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn capturing_and_cancelling_are_for_administrators() {
    let office = Office::new().await;
    let (client, admin) = (&office.world.client, &office.admin);
    let payment = office.world.payment().await;
    let user = sign_up(client).await;
    for act in ["capture", "cancel"] {
        let path = format!("{}/{act}", payment.path());
        let cases: Vec<(Request, u16, &str)> = vec![
            (client.post(&path), 401, "unauthorized"),
            (client.post(&path).bearer(&payment.token), 401, "unauthorized"),
            (client.post(&path).bearer(&user), 403, "forbidden"),
            (client.post(&path).bearer(admin), 400, "idempotency-key-missing"),
        ];
        for (request, status, code) in cases {
            request.send().await.expect_problem(status, code);
        }
        let unknown = client.post(&format!("/api/v1/payments/{UNKNOWN}/{act}")).bearer(admin);
        unknown.idempotency_key(new_key()).send().await.expect_problem(404, "not-found");
        let odd = client.post(&path).bearer(admin).idempotency_key(new_key());
        odd.json(json!({ "x": 1 })).send().await.expect_problem(400, "validation-failed");
    }
    assert_eq!(payment.read(client).await["status"], "pending");
}
