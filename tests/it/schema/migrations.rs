//! Up, down, and up again.

use std::fs;

use careforall::platform::postgres::{Database, migrate};
use tokio::runtime::Handle;

use super::guards::{OURS, strings};
use crate::support::{TestDatabase, sources};

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
