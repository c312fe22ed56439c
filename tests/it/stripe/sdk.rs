//! Signatures made, and judged, by Stripe's own SDK for Python.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use careforall::kernel::clock;
use serde_json::{Value, json};

use super::{
    fake::SECRET,
    world::{NEW_SECRET, Shop, signature},
};
use crate::support::PYTHON;

/// Signs a body: the secret and the time are arguments, the body comes in, the header goes out.
const SIGN: &str = "
import stripe, sys
secret, time, body = sys.argv[1], int(sys.argv[2]), sys.stdin.buffer.read().decode()
v1 = stripe.WebhookSignature._compute_signature('%d.%s' % (time, body), secret)
print('t=%d,v1=%s' % (time, v1), end='')
";

/// Judges one: secret and header are arguments, the body comes in, the event's id goes out.
const JUDGE: &str = "
import stripe, sys
event = stripe.Webhook.construct_event(sys.stdin.buffer.read(), sys.argv[2], sys.argv[1])
print(event['id'], end='')
";

fn python(program: &str, arguments: &[&str], body: &str) -> Result<String, String> {
    let mut command = Command::new(&*PYTHON);
    command.arg("-c").arg(program).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn event(id: &str) -> Value {
    json!({ "id": id, "object": "event", "type": "customer.created", "livemode": false,
            "created": clock::now().timestamp(), "data": { "object": { "name": "Ada Ünlü" } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripes_sdk_signs_is_accepted_and_nothing_else() {
    let shop = Shop::open().await;
    for (id, secret, off, expected) in [
        ("evt_now", SECRET, 0, None),
        ("evt_other_secret", NEW_SECRET, 0, None),
        ("evt_old", SECRET, -200, None),
        ("evt_early", SECRET, 290, None),
        ("evt_too_old", SECRET, -310, Some("webhook-timestamp-out-of-tolerance")),
        ("evt_too_early", SECRET, 400, Some("webhook-timestamp-out-of-tolerance")),
        ("evt_stranger", "whsec_stranger", 0, Some("webhook-signature-invalid")),
    ] {
        let body = event(id).to_string();
        let signed_at = clock::now().timestamp() + off;
        let header = python(SIGN, &[secret, &signed_at.to_string()], &body).unwrap();
        let request = shop.client.post("/api/v1/webhooks/stripe");
        let answer = request.header("stripe-signature", &header).raw(body.clone()).send().await;
        match expected {
            None => assert_eq!(answer.expect(200).body["status"], "accepted", "{id}"),
            Some(code) => drop(answer.expect_problem(401, code)),
        }
        let request = shop.client.post("/api/v1/webhooks/stripe");
        let tampered = body.replace("Ada", "Eve");
        let answer = request.header("stripe-signature", header).raw(tampered).send().await;
        answer.expect_problem(401, "webhook-signature-invalid");
    }
    assert_eq!(shop.books.count("payment.webhook_inbox").await, 4);
}

/// So that the other tests, which sign for themselves, sign as Stripe does.
#[test]
fn stripes_sdk_accepts_what_the_tests_sign() {
    let (body, now) = (event("evt_1").to_string(), clock::now().timestamp());
    let header = format!("t={now},v1={}", signature(SECRET, now, &body));
    assert_eq!(python(JUDGE, &[SECRET, &header], &body), Ok("evt_1".to_owned()));
    let refused = python(JUDGE, &["whsec_other", &header], &body).unwrap_err();
    assert!(refused.contains("SignatureVerificationError"), "{refused}");
}
