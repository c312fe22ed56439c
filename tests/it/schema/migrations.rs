//! Up, down, and up again.

use std::{fs, time::Duration};

use careforall::platform::postgres::{Database, migrate};
use tokio::runtime::Handle;

use super::guards::{OURS, strings};
use crate::support::{TestDatabase, eventually, sources};

/// What is in no schema of ours, but should be.
const STRAYS: &str = "SELECT relname::text FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '%diesel%'";

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_leads_down_and_up_again() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let names = sources::migrations();
    for name in names.iter().rev() {
        let file = sources::root().join("migrations").join(name).join("down.sql");
        let down = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{name}/down.sql: {e}"));
        client.batch_execute(&down).await.unwrap_or_else(|e| panic!("{name}/down.sql: {e:?}"));
    }
    assert_eq!(strings(&client, OURS).await, Vec::<String>::new(), "schemas are left");
    assert_eq!(strings(&client, STRAYS).await, Vec::<String>::new(), "something is left in public");

    client.batch_execute("DELETE FROM __diesel_schema_migrations").await.unwrap();
    let pool = Database::new(&database.url(), 1, Handle::current()).unwrap();
    assert_eq!(migrate(&pool).await.unwrap().len(), names.len());
    assert_eq!(migrate(&pool).await.unwrap(), Vec::<String>::new(), "nothing is left to apply");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_waits_its_turn_to_migrate_holds_nobody_up() {
    const LOCK: &str = "pg_advisory_lock(x'63617265666f7261'::bigint)";
    let database = TestDatabase::new().await;
    let first = database.client().await;
    first.batch_execute(&format!("SELECT {LOCK}")).await.unwrap();

    let pool = Database::new(&database.url(), 1, Handle::current()).unwrap();
    let second = tokio::spawn(async move { migrate(&pool).await });
    let asking = "SELECT query FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE '%pg_try_advisory_lock%'
                     AND pid <> pg_backend_pid()";
    eventually(Duration::from_secs(10), async || !strings(&first, asking).await.is_empty()).await;

    // it would wait for every snapshot of the second
    first.batch_execute("SET statement_timeout = '10s'").await.unwrap();
    let build = "CREATE INDEX CONCURRENTLY planted ON pledge.pledges (created_at)";
    first.batch_execute(build).await.unwrap();
    assert!(!second.is_finished(), "it migrated although it was not its turn");
    first.batch_execute(&format!("SELECT {}", LOCK.replace("_lock", "_unlock"))).await.unwrap();
    assert_eq!(second.await.unwrap().unwrap(), Vec::<String>::new());
}

/// `2026-11-20-000450_payment_payments`: the time, the module, what it is about.
#[test]
fn migrations_are_named_by_time_module_and_purpose() {
    for name in sources::migrations() {
        let (time, rest) = name.split_once('_').unwrap_or((&name, ""));
        let digits = time.chars().filter(char::is_ascii_digit).count();
        assert!(digits == 14 && time.len() == 17, "{name}: YYYY-MM-DD-HHMMSS first");
        assert!(
            rest.split('_').filter(|word| !word.is_empty()).count() >= 2,
            "{name}: whose, what?"
        );
    }
}
