//! Any sequence of what a provider says, with losses, repetitions and in any order, ends with the
//! truth in every book: payments, ledger, history, totals, pledges.
//!
//! The bank does what generated plans tell it, and nobody hears it. A courier takes some of its
//! letters, some of them twice, in an order of his own. Then a replica comes that asks the bank for
//! its events. The truth is computed from the plan alone; `src:payment::model::tests` does the same
//! for the pure rules, with many more cases.
//!
//! `CAREFORALL_DEV_SEQUENCES`: how many plans (200); `CAREFORALL_DEV_CHAOS_SEED`: which.

mod plan;

use futures_util::{StreamExt, stream};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;

use self::plan::{Plan, Truth};
use crate::support::{
    Client, Server,
    donation::{Campaign, Event, PATIENCE, Payment, Pledge, builder, has},
    eventually,
    webhooks::Books,
};

const AT_ONCE: usize = 8;
const NOWHERE: (&str, &str) = ("CAREFORALL_SANDBOX__WEBHOOK_URL", "http://127.0.0.1:9/");

/// A plan that was carried out.
struct Story {
    plan: Plan,
    pledge: Pledge,
    payment: Payment,
}

#[tokio::test(flavor = "multi_thread")]
async fn any_sequence_with_losses_and_repetitions_ends_with_the_truth_in_every_book() {
    let count = std::env::var("CAREFORALL_DEV_SEQUENCES").map_or(200, |n| n.parse().unwrap());
    let seed =
        std::env::var("CAREFORALL_DEV_CHAOS_SEED").map_or(rand::random(), |n| n.parse().unwrap());
    println!("{count} sequences, seed {seed}");
    let server = builder().env(NOWHERE.0, NOWHERE.1).start().await;
    let (client, books) = (server.client(), Books::open(&server.database().url()).await);
    let campaign = Campaign::open(&client).await;
    let stories: Vec<Story> = stream::iter(plans(count, seed))
        .map(|plan| carry_out(&client, &campaign, plan))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    deliver(&client, &books, seed).await;
    // whatever was heard and whatever was not: the books agree with each other
    books.balance().await;
    let _reader = reader(&server).await;
    let unheard =
        "sandbox.events WHERE event_id NOT IN (SELECT event_id FROM payment.webhook_inbox)";
    eventually(PATIENCE, async || books.count(unheard).await == 0).await;
    books.balance().await;
    let mut total = Truth::default();
    for story in &stories {
        let truth = story.plan.truth();
        compare(&client, &books, story, &truth).await;
        total.add(&truth);
    }
    let totals = campaign.totals(&client).await;
    assert!(has(&totals, &total.amounts()), "{totals}, expected {total:?}");
}

fn plans(count: usize, seed: u64) -> Vec<Plan> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_be_bytes().repeat(4));
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let one = plan::plan();
    (0..count).map(|_| one.new_tree(&mut runner).unwrap().current()).collect()
}

async fn carry_out(client: &Client, campaign: &Campaign, plan: Plan) -> Story {
    let pledge = campaign.pledge(client, plan.amount_minor).await;
    let payment = pledge.begin_payment(client).await;
    plan.carry_out(client, &payment).await;
    Story { plan, pledge, payment }
}

/// One letter in four is lost, one in four comes twice, and none in its turn.
async fn deliver(client: &Client, books: &Books, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let rows = books.sql.query("SELECT body FROM sandbox.events ORDER BY seq", &[]).await.unwrap();
    let mut letters = Vec::new();
    for row in rows {
        let letter = Event(serde_json::from_str(row.get(0)).unwrap());
        let copies = [0, 1, 1, 2][rng.random_range(0..4)];
        letters.extend(vec![letter; copies]);
    }
    letters.shuffle(&mut rng);
    let sent = stream::iter(letters).map(async |letter| {
        letter.send(client).await.expect(200);
    });
    sent.buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// A replica that asks the bank for what nobody has heard.
async fn reader(server: &Server) -> Server {
    builder()
        .database_url(server.database().url())
        .env(NOWHERE.0, NOWHERE.1)
        .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "1")
        .env("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "1")
        .env("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "3600")
        .start()
        .await
}

async fn compare(client: &Client, books: &Books, story: &Story, truth: &Truth) {
    let Story { plan, pledge, payment } = story;
    let end = payment.read(client).await;
    let expected = json!({ "status": truth.payment, "captured_minor": truth.captured_minor,
        "refunded_minor": truth.refunded_minor, "disputed_minor": truth.disputed_minor });
    assert!(has(&end, &expected), "{plan:#?}: {end:#}, expected {expected}");
    assert_eq!(pledge.read(client).await["status"], truth.pledge, "{plan:#?}");
    let ledger = "SELECT coalesce(sum(delta_minor) FILTER (WHERE kind = 'captured'), 0)::bigint,
            coalesce(sum(delta_minor) FILTER (WHERE kind = 'refunded'), 0)::bigint,
            coalesce(sum(delta_minor) FILTER (WHERE kind = 'disputed'), 0)::bigint
        FROM payment.ledger WHERE payment_id::text = $1";
    let last = "SELECT captured_minor, refunded_minor, disputed_minor FROM payment.history
        WHERE payment_id::text = $1 ORDER BY id DESC LIMIT 1";
    for book in [ledger, last] {
        let row = books.sql.query_one(book, &[&payment.id]).await.unwrap();
        let amounts = [0, 1, 2].map(|at| row.get::<_, i64>(at));
        let expected = [truth.captured_minor, truth.refunded_minor, truth.disputed_minor];
        assert_eq!(amounts, expected, "{book}: {plan:#?}");
    }
}
