//! What a collector is told: one donation is one trace.

use careforall::kernel::ids::UserId;
use serde_json::{Value, json};

use crate::support::{
    Client, Redis, Server,
    collector::{Collector, Seen, Tree},
    donation::{Campaign, PATIENCE, Pledge, builder, new_key},
    eventually,
};

const CLIENT: i32 = 3;
const SERVER: i32 = 2;
const CONSUMER: i32 = 5;

/// Where in the trace of somebody who calls us a request happens.
struct Caller {
    trace: String,
    header: String,
}

impl Caller {
    fn new(sampled: bool) -> Self {
        let trace = UserId::generate().to_string().replace('-', "");
        let header = format!("00-{trace}-00f067aa0ba902b7-{:02x}", u8::from(sampled));
        Self { trace, header }
    }
}

fn exporting(collector: &Collector) -> crate::support::server::Builder {
    builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        // what the SDK waits for more spans, in milliseconds
        .env("OTEL_BSP_SCHEDULE_DELAY", 100)
}

const DONOR: &str = "traced.donor@example.org";

async fn promise(client: &Client, campaign: &Campaign, caller: &Caller) -> Pledge {
    let mut gift = campaign.gift(2500);
    gift["donor_email"] = DONOR.into();
    let request = client.post("/api/v1/pledges").idempotency_key(new_key()).json(gift);
    let answer = request.header("traceparent", &caller.header).send().await.expect(201);
    assert_eq!(answer.header("trace-id"), Some(caller.trace.as_str()));
    Pledge { id: answer.text("id"), token: answer.text("guest_token") }
}

/// The trace, once it has all of these.
async fn tree(collector: &Collector, caller: &Caller, paths: &[&str]) -> Tree {
    tree_where(collector, caller, |tree| missing_paths(tree, paths)).await
}

fn missing_paths(tree: &Tree, paths: &[&str]) -> Vec<String> {
    paths.iter().filter(|path| tree.at(path).is_empty()).map(|path| (*path).to_owned()).collect()
}

/// The trace, once nothing is missing in it.
async fn tree_where(
    collector: &Collector,
    caller: &Caller,
    missing: impl Fn(&Tree) -> Vec<String>,
) -> Tree {
    let mut tree = collector.of(&caller.trace);
    let complete = eventually_or(|| {
        tree = collector.of(&caller.trace);
        missing(&tree).is_empty()
    });
    assert!(complete.await, "no {:#?} in\n{}", missing(&tree), tree.drawn());
    tree
}

/// Whether it came true in time.
async fn eventually_or(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition() {
        if tokio::time::Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    true
}

async fn counted(client: &Client, campaign: &Campaign) {
    eventually(PATIENCE, || async {
        let path = format!("{}/totals?realtime=true", campaign.path());
        client.get(&path).send().await.body["captured_minor"] == 2500
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_donation_is_one_trace() {
    let (collector, redis) = (Collector::start(), Redis::start());
    let server = exporting(&collector).env("REDIS_URL", redis.url()).start().await;
    let (client, caller) = (server.client(), Caller::new(true));
    let campaign = Campaign::open(&client).await;
    let pledge = promise(&client, &campaign, &caller).await;
    let pay = pledge.pay_with(&client, &new_key(), json!({ "payment_method": "pm_success" }));
    let payment = pledge.made(pay.header("traceparent", &caller.header).send().await);
    counted(&client, &campaign).await;
    let totals = client.get(&format!("{}/totals", campaign.path()));
    totals.header("traceparent", &caller.header).send().await.expect(200);

    let webhook =
        "POST /api/v1/payments > sandbox create > POST > POST /api/v1/webhooks/{provider}";
    let applied = format!("{webhook} > apply sandbox webhook");
    let heard = format!("{applied} > process pledge payment.changed.v1");
    let paths = [
        "POST /api/v1/pledges > flush pledges > SELECT pledge.create_many",
        "POST /api/v1/pledges > sequence pledge.changed.v1",
        "POST /api/v1/pledges > process totals pledge.changed.v1",
        "POST /api/v1/payments > flush payments_begun > transaction > INSERT payment.payments",
        "POST /api/v1/payments > flush payments_begun > transaction > INSERT bus.outbox",
        "POST /api/v1/payments > flush payments_begun > transaction > COMMIT",
        "POST /api/v1/payments > sandbox create > flush sandbox_payments > transaction > INSERT sandbox.payments",
        "POST /api/v1/payments > sequence payment.changed.v1",
        &format!("{webhook} > flush webhook_inbox > INSERT payment.webhook_inbox"),
        &format!("{applied} > UPDATE payment.payments"),
        &format!("{applied} > INSERT payment.ledger"),
        &format!("{applied} > sequence payment.changed.v1"),
        &format!("{applied} > process totals payment.changed.v1"),
        &format!("{heard} > sequence pledge.changed.v1"),
        &format!("{heard} > process totals pledge.changed.v1"),
        "GET /api/v1/campaigns/{id}/totals",
    ];
    // what is done for several together is shown in the step of the first
    let shared = [
        ("process totals ", "INSERT totals.contribution"),
        ("process pledge payment.changed.v1", "UPDATE pledge.pledges"),
        // the answer of the bank is noted with others', or by itself where a webhook holds the payment
        ("transaction", "UPDATE payment.payments"),
    ];
    let missing = |tree: &Tree| {
        let absent = shared.iter().filter(|(parent, name)| !tree.has_below(parent, name));
        let absent = absent.map(|(parent, name)| format!("{parent} > {name}"));
        missing_paths(tree, &paths).into_iter().chain(absent).collect()
    };
    let tree = tree_where(&collector, &caller, missing).await;

    let one = |path: &str| tree.at(path)[0].clone();
    let request = one("POST /api/v1/payments");
    assert_eq!((request.kind, request.service.as_str()), (SERVER, "careforall"));
    assert_eq!(request.attributes["http.route"], "/api/v1/payments");
    assert_eq!(request.attributes["http.request.method"], "POST");
    assert_eq!(request.attributes["http.response.status_code"], "201");
    assert_eq!(request.parent, "00f067aa0ba902b7");
    let insert =
        one("POST /api/v1/payments > flush payments_begun > transaction > INSERT payment.payments");
    assert_eq!((insert.kind, insert.attributes["db.system.name"].as_str()), (CLIENT, "postgresql"));
    assert_eq!(insert.attributes["db.operation.name"], "INSERT");
    assert_eq!(insert.attributes["db.collection.name"], "payment.payments");
    assert!(insert.attributes["db.query.text"].contains("$1"), "values are not shown");
    let post = one("POST /api/v1/payments > sandbox create > POST");
    assert_eq!((post.kind, post.attributes["server.address"].as_str()), (CLIENT, "127.0.0.1"));
    let consumed = one(&format!("{applied} > process totals payment.changed.v1"));
    assert_eq!(
        (consumed.kind, consumed.attributes["messaging.system"].as_str()),
        (CONSUMER, "careforall")
    );
    assert_eq!(consumed.attributes["messaging.consumer.group.name"], "totals");
    let is_redis =
        |span: &&Seen| span.attributes.get("db.system.name").is_some_and(|s| s == "redis");
    let (redis, others): (Vec<_>, Vec<_>) = tree.0.iter().partition(is_redis);
    assert!(!redis.is_empty(), "no call to Redis in\n{}", tree.drawn());
    // nobody waits for Redis longer than 50 ms, and on a busy machine it may take longer
    assert!(others.iter().all(|span| !span.failed), "{}", tree.drawn());
    for told in collector.spans() {
        let all = format!("{told:?}");
        let secret = [DONOR, &pledge.token, "example.org"].into_iter().find(|s| all.contains(*s));
        assert!(secret.is_none(), "{secret:?} in {all}");
    }
    let history = payment.history(&client).await;
    assert!(history.iter().all(|row| row["trace_id"] == caller.trace.as_str()), "{history:#?}");
}

/// The bank tells in the trace of whoever confirmed, and gives back that of the payment: the
/// payment's goes on, and points at the request.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_gives_back_continues_the_payments_trace() {
    let collector = Collector::start();
    let server = exporting(&collector).start().await;
    let (client, caller, other) = (server.client(), Caller::new(true), Caller::new(true));
    let campaign = Campaign::open(&client).await;
    let pledge = promise(&client, &campaign, &caller).await;
    let pay = pledge.pay_with(&client, &new_key(), json!({}));
    let payment = pledge.made(pay.header("traceparent", &caller.header).send().await);
    let path = format!("/api/v1/sandbox/payments/{}/confirm", payment.provider_payment_id);
    let confirm = client.post(&path).json(json!({ "payment_method": "pm_success" }));
    confirm.header("traceparent", &other.header).send().await.expect(202);
    counted(&client, &campaign).await;

    let received = "POST /api/v1/payments > receive payment.captured";
    let applied = format!("{received} > apply sandbox webhook");
    let paths = [received, &applied, &format!("{applied} > process totals payment.changed.v1")];
    let tree = tree(&collector, &caller, &paths).await;
    let brought = tree.at(received)[0].links[0].clone();
    eventually(PATIENCE, || async {
        let there = collector.of(&other.trace);
        let mut requests = there.0.iter().filter(|s| s.name == "POST /api/v1/webhooks/{provider}");
        requests.any(|span| brought == (other.trace.clone(), span.id.clone()))
    })
    .await;
    let history: Vec<Value> = payment.history(&client).await;
    assert!(history.iter().all(|row| row["trace_id"] == caller.trace.as_str()), "{history:#?}");
}

/// Whoever begins a trace decides; of those that begin here a share is taken.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sampled_is_not_exported() {
    let collector = Collector::start();
    let server = exporting(&collector).env("OTEL_TRACES_SAMPLER_ARG", 0).start().await;
    let (client, unsampled, sampled) = (server.client(), Caller::new(false), Caller::new(true));
    let campaign = Campaign::open(&client).await;
    promise(&client, &campaign, &unsampled).await.pay(&client, "pm_success").await;
    counted(&client, &campaign).await;
    promise(&client, &campaign, &sampled).await;
    tree(&collector, &sampled, &["POST /api/v1/pledges > process totals pledge.changed.v1"]).await;
    let others: Vec<_> =
        collector.spans().into_iter().filter(|span| span.trace != sampled.trace).collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// Money does not wait for a collector, nor the end of the process.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_nothing_up() {
    let server = builder().env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9").start().await;
    donate(&server).await;
    let mut server = server;
    server.sigterm();
    assert!(server.ended(PATIENCE).await.success());
    assert!(!server.logs().contains("panicked"), "{}", server.logs());
}

async fn donate(server: &Server) {
    let (client, caller) = (server.client(), Caller::new(true));
    let campaign = Campaign::open(&client).await;
    promise(&client, &campaign, &caller).await.pay(&client, "pm_success").await;
    counted(&client, &campaign).await;
}
