//! What operators see: metrics of bounded size, one log line per request, nobody's secrets.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    campaign::Person,
    support::{Response, Server, eventually, exposition::lint},
};

const EMAIL: &str = "guest.of.honour@example.org";
const KEY: &str = "a-key-that-nobody-else-knows";
const PASSWORD: &str = "correct horse battery staple";

/// A gift of a guest, paid and counted; what must never be written down.
async fn donate(server: &Server) -> Vec<String> {
    let owner = Person::new(server).await;
    let campaign = owner.published(server, json!({})).await;
    let id = campaign.rsplit('/').next().unwrap();
    let pledge =
        json!({ "campaign_id": id, "amount_minor": 2500, "currency": "USD", "donor_email": EMAIL });
    let pledge = server.client().post("/api/v1/pledges").idempotency_key(KEY).json(pledge);
    let pledge = pledge.send().await.expect(201);
    let token = pledge.text("guest_token");
    let order = json!({ "pledge_id": pledge.text("id"), "payment_method": "pm_success" });
    let payment = server.client().post("/api/v1/payments").bearer(&token).idempotency_key(KEY);
    payment.json(order).send().await.expect(201);
    eventually(Duration::from_secs(20), || async {
        let totals = server.client().get(&format!("{campaign}/totals?realtime=true")).send().await;
        totals.body["captured_minor"] == 2500
    })
    .await;
    server.client().get(&format!("{campaign}/totals")).send().await.expect(200);
    vec![token, owner.token]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_donation_shows_in_the_metrics() {
    let server = Server::start().await;
    donate(&server).await;
    for n in 0..50 {
        let path = format!("/api/v1/campaigns/0193-{n}?status=x{n}");
        server.client().get(&path).send().await.expect(400);
        server.client().get(&format!("/unknown/{n}")).send().await.expect(404);
    }
    let names = [
        "http_requests_total",
        "http_request_duration_seconds",
        "db_pool_connections",
        "outbox_oldest_unsequenced_seconds",
        "consumer_lag_events",
        "dead_letters",
        "inbox_events",
        "webhooks_total",
        "idempotency_requests_total",
        "cache_requests_total",
    ];
    let text = eventually(Duration::from_secs(20), || async {
        let text = server.metrics_text().await;
        names.iter().all(|name| text.contains(&format!("# TYPE {name} "))).then_some(text)
    })
    .await;
    let mut series: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        *series.entry(line.split(['{', ' ']).next().unwrap()).or_default() += 1;
    }
    for (name, count) in series {
        let family = ["_bucket", "_sum", "_count"].iter().fold(name, |n, s| n.trim_end_matches(s));
        assert!(text.contains(&format!("# HELP {family} ")), "{family} is not described");
        let bound = if name.ends_with("_bucket") { 400 } else { 60 };
        assert!(count < bound, "{name} has {count} series: a label without bounds");
    }
    assert!(!text.contains("0193-") && !text.contains("/unknown/"), "paths are no labels");
    lint(&text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_one_json_line_and_no_line_tells_a_secret() {
    let mut server = Server::builder().env("RUST_LOG", "debug").start().await;
    let mut secrets = donate(&server).await;
    secrets.extend([EMAIL, KEY, PASSWORD, "@example.org"].map(str::to_owned));
    let sent = json!({ "email": EMAIL, "password": "another long password" });
    let refused: Response = server.client().post("/api/v1/auth/login").json(sent).send().await;
    secrets.push("another long password".into());
    let trace = refused.expect(401).text("trace_id");

    let logs = server.whole_log().await;
    let lines: Vec<Value> = logs
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("listening "))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let mine: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "request" && line["trace_id"] == trace.as_str())
        .collect();
    assert_eq!(mine.len(), 1, "{mine:#?}");
    let line = mine[0];
    assert_eq!(line["http.request.method"], "POST");
    assert_eq!(line["http.route"], "/api/v1/auth/login");
    assert_eq!(line["http.response.status_code"], 401);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0 && line["request_id"].is_string());
    for secret in secrets {
        let told = logs.lines().find(|line| line.contains(&secret));
        assert!(told.is_none(), "{secret}: {told:?}");
    }
}
