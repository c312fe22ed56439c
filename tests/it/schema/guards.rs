//! What the database itself refuses, whoever asks.

use tokio_postgres::{Client, error::SqlState};

use super::schema_files;
use crate::support::{TestDatabase, sources};

const APPEND_ONLY: [&str; 5] = [
    "bus.audit_log",
    "payment.facts",
    "payment.ledger",
    "payment.history",
    "sandbox.account_transactions",
];

#[tokio::test]
async fn no_foreign_key_crosses_a_schema() {
    const CROSSING: &str = "SELECT format('%s: %s -> %s', c.conname, c.conrelid::regclass,
                                          c.confrelid::regclass)
          FROM pg_constraint c
          JOIN pg_class child ON child.oid = c.conrelid
          JOIN pg_class parent ON parent.oid = c.confrelid
         WHERE c.contype = 'f' AND child.relnamespace <> parent.relnamespace";
    let database = TestDatabase::new().await;
    let client = database.client().await;
    assert_eq!(strings(&client, CROSSING).await, Vec::<String>::new());
    // and the question finds one where there is one
    let crossing = "CREATE TABLE pledge.planted (id uuid REFERENCES campaign.campaigns)";
    client.batch_execute(crossing).await.unwrap();
    assert_eq!(strings(&client, CROSSING).await.len(), 1);
}

/// What a module's `api` offers in the database, and who asks there: along the edges of the house.
const API_FUNCTIONS: [(&str, &str); 1] = [("pledge", "campaign.hold_for_gifts(")];

#[tokio::test]
async fn no_view_or_function_of_one_schema_reads_anothers() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let names = "SELECT nspname || ' ' || prosrc FROM pg_proc
                   JOIN pg_namespace n ON n.oid = pronamespace
                  WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'";
    let schemas: Vec<String> = schema_files().into_iter().map(|(module, _)| module).collect();
    for function in strings(&client, names).await {
        let (own, body) = function.split_once(' ').unwrap();
        let asked = API_FUNCTIONS.iter().filter(|(asks, _)| *asks == own);
        let body = asked.fold(body.to_owned(), |body, (_, api)| body.replace(api, ""));
        for other in schemas.iter().filter(|schema| *schema != own) {
            assert!(!body.contains(&format!("{other}.")), "{own} reads {other}: {body}");
        }
    }
    let views = "SELECT format('%s.%s', schemaname, viewname) FROM pg_views
                  WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    assert_eq!(strings(&client, views).await, Vec::<String>::new(), "views need a test here");
}

#[tokio::test]
async fn every_module_owns_the_schema_of_its_name_and_no_other() {
    let database = TestDatabase::new().await;
    let found = strings(&database.client().await, OURS).await;
    let mut expected: Vec<String> = schema_files().into_iter().map(|(module, _)| module).collect();
    expected.push("bus".into());
    expected.sort();
    assert_eq!(found, expected);
    for migration in sources::migrations() {
        let owner = migration.split(['_', '-']).nth(4).unwrap();
        assert!(expected.iter().any(|s| s == owner), "{migration} names no schema of ours");
    }
}

/// Schemas that Postgres did not come with.
pub const OURS: &str = "SELECT nspname::text FROM pg_namespace
     WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
     ORDER BY nspname COLLATE \"C\"";

#[tokio::test]
async fn append_only_tables_refuse_update_delete_and_truncate() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    // statement triggers: they fire without a row, and before one could be lost
    for table in APPEND_ONLY {
        let schema = table.split('.').next().unwrap();
        let parent = &format!("{schema}.payments");
        let column = if schema == "payment" { "payment_id" } else { "id" };
        for refused in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("TRUNCATE {} CASCADE", if schema == "bus" { table } else { parent }),
        ] {
            let error = client.batch_execute(&refused).await.expect_err(&refused);
            let error = error.as_db_error().unwrap();
            assert!(error.message().contains("append-only"), "{refused}: {error}");
        }
    }
}

#[tokio::test]
async fn a_fact_or_ledger_row_once_written_stays() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    insert_payment(&client).await;
    client
        .batch_execute(
            "INSERT INTO payment.facts (payment_id, kind, reference, state, amount_minor, recorded_at)
             SELECT id, 'capture', 'c', 'succeeded', 1000, now() FROM payment.payments;
             INSERT INTO payment.ledger SELECT id, 2, 'captured', 1000, 'USD', now()
             FROM payment.payments;",
        )
        .await
        .unwrap();
    for table in ["payment.facts", "payment.ledger"] {
        client.batch_execute(&format!("DELETE FROM {table}")).await.unwrap_err();
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(client.query_one(&count, &[]).await.unwrap().get::<_, i64>(0), 1);
        // the same difference of the same version, or the same word, is not counted twice
        let columns = if table == "payment.facts" {
            "payment_id, kind, reference, state, amount_minor, recorded_at"
        } else {
            "payment_id, version, kind, delta_minor, currency, recorded_at"
        };
        let again = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}");
        refuse(&client, &again, &SqlState::UNIQUE_VIOLATION).await;
    }
}

#[tokio::test]
async fn amounts_that_cannot_be_are_refused() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    insert_payment(&client).await;
    insert_totals(&client).await;
    for table in ["payment.payments", "totals.campaign_totals", "totals.contribution"] {
        for wrong in [
            "captured_minor = -1",
            "refunded_minor = -1",
            "disputed_minor = -1",
            "captured_minor = 1000, refunded_minor = 1001",
            "captured_minor = 1000, disputed_minor = 1001",
            "captured_minor = 1000, refunded_minor = 600, disputed_minor = 401",
            // a negative one must not make room for another
            "captured_minor = 1000, refunded_minor = 1500, disputed_minor = -500",
        ] {
            let update = format!("UPDATE {table} SET {wrong}");
            refuse(&client, &update, &SqlState::CHECK_VIOLATION).await;
        }
        let whole = "captured_minor = 1000, refunded_minor = 600, disputed_minor = 400";
        client.batch_execute(&format!("UPDATE {table} SET {whole}")).await.unwrap();
    }
    for wrong in [
        "UPDATE payment.payments SET amount_minor = 0",
        "UPDATE totals.campaign_totals SET pledged_minor = -1",
        "UPDATE totals.campaign_totals SET goal_minor = 0",
        "INSERT INTO pledge.goal_room VALUES (gen_random_uuid(), 1, -1)",
        "INSERT INTO payment.ledger SELECT id, 9, 'captured', 0, 'USD', now() FROM payment.payments",
    ] {
        refuse(&client, wrong, &SqlState::CHECK_VIOLATION).await;
    }
}

async fn insert_payment(client: &Client) {
    let payment = "INSERT INTO payment.payments (id, pledge_id, campaign_id, provider, status,
             amount_minor, currency, capture_method, request, donor_hash, created_at, updated_at)
         VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'sandbox', 'pending',
             1000, 'USD', 'automatic', '{}', '', now(), now())";
    client.batch_execute(payment).await.unwrap();
}

async fn insert_totals(client: &Client) {
    let totals = "INSERT INTO totals.campaign_totals
             (campaign_id, currency, goal_minor, campaign_version, updated_at)
         VALUES (gen_random_uuid(), 'USD', 1000, 1, now());
         INSERT INTO totals.contribution VALUES
             (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 0, 0, 0)";
    client.batch_execute(totals).await.unwrap();
}

async fn refuse(client: &Client, sql: &str, code: &SqlState) {
    let error = client.batch_execute(sql).await.expect_err(sql);
    assert_eq!(error.code(), Some(code), "{sql}: {error:?}");
}

pub async fn strings(client: &Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}
