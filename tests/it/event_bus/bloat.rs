//! Polls cost what is new, whatever is dead.

use careforall::platform::postgres::Connection;
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::{
    cluster::{TestDb, connect_to, execute, until},
    delivery::by_hand,
    recorder::publish_fresh,
};

/// How many pages a statement looks at, those of the functions it calls included.
async fn pages(conn: &mut Connection, statement: &str) -> u64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        plan: String,
    }
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) {statement}");
    let rows: Vec<Row> = sql_query(explain).load(conn).await.unwrap();
    // the first line with buffers is the top node's, which contains the others'
    let buffers = rows.iter().find(|r| r.plan.contains("Buffers: shared")).unwrap();
    let counts = buffers.plan.split_whitespace().filter_map(|word| {
        let (kind, count) = word.split_once('=')?;
        matches!(kind, "hit" | "read").then(|| count.parse::<u64>().unwrap())
    });
    counts.sum()
}

/// The pages of each statement of the polls, and of a naive one, as the last entry.
async fn costs(db: &TestDb) -> Vec<u64> {
    const STATEMENTS: [&str; 5] = [
        "SELECT bus.poll('{recorder}')",
        "SELECT bus.claim_among('recorder', 32, ARRAY(SELECT generate_series(0, 31)::smallint))",
        "SELECT bus.sequence(1000, false)",
        "SELECT bus.sample('{recorder}')",
        "SELECT id FROM bus.outbox ORDER BY id LIMIT 1000",
    ];
    let mut conn = db.conn().await;
    let mut costs = Vec::new();
    for statement in STATEMENTS {
        // the first time in a session includes the catalogue and the planning
        pages(&mut conn, statement).await;
        costs.push(pages(&mut conn, statement).await);
    }
    costs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_snapshot_under_load_leaves_the_polls_as_cheap_as_before() {
    let db = TestDb::new().await;
    let bus = by_hand(&db).await;
    let mut report = connect_to(&db.url).await;
    execute(&mut report, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    execute(&mut report, "SET LOCAL idle_in_transaction_session_timeout = 0").await;
    execute(&mut report, "SELECT count(*) FROM bus.event_log").await;

    let mut rounds = Vec::new();
    for load in [5, 150] {
        for _ in 0..load {
            publish_fresh(&mut *db.conn().await, 50).await;
            bus.drain().await.unwrap();
        }
        execute(&mut *db.conn().await, "VACUUM bus.outbox, bus.event_head, bus.consumer_cursor")
            .await;
        // writers of other tests, in other databases, hold the floor for a moment
        until("the floor has caught up", async || {
            bus.drain().await.unwrap();
            db.number(
                "SELECT last_value - (SELECT max(floor) FROM bus.event_head) AS n \
                 FROM bus.outbox_id_seq",
            )
            .await
                == 0
        })
        .await;
        rounds.push(costs(&db).await);
    }
    execute(&mut report, "COMMIT").await;

    let [before, after] = &rounds[..] else { unreachable!() };
    println!("pages of poll, claim, sequence, sample, naive: {before:?}, then {after:?}");
    let (naive_before, naive_after) = (before[4], after[4]);
    assert!(naive_after > 10 * naive_before, "the dead rows are there: {before:?} {after:?}");
    for (before, after) in before.iter().zip(after).take(4) {
        // a B-tree may have grown by a level
        assert!(*after <= 2 * before, "{rounds:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_has_its_xid_before_it_draws_an_id() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Json, column_name = "QUERY PLAN")]
        plan: Value,
    }
    let db = TestDb::new().await;
    let explain = "EXPLAIN (VERBOSE, FORMAT JSON) INSERT INTO bus.outbox \
        (event_id, partition, aggregate_id, aggregate_version, type, payload) \
        SELECT e, 0, e, 1, 't', '{}' FROM unnest('{}'::uuid[]) WITH ORDINALITY AS u(e, n) ORDER BY n";
    let row: Row = sql_query(explain).get_result(&mut *db.conn().await).await.unwrap();
    let output = row.plan[0]["Plan"]["Plans"][0]["Output"].clone();
    assert!(output[0].as_str().unwrap().contains("pg_current_xact_id"), "{output}");
    assert!(output[1].as_str().unwrap().contains("nextval"), "{output}");
}
