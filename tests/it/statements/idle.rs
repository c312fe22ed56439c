//! A replica that has nothing to do.

use super::Overheard;
use crate::support::{Server, donation::PATIENCE, postgres, wait::eventually};

/// The lookout's question.
const LOOK: &str = "SELECT ARRAY[EXISTS";

/// So many looks are waited for.
const LOOKS: usize = 10;

/// Statements for each look, at most. The goal of P11 is 4 a second.
const MOST: usize = 5;

fn looks(statements: &[String]) -> usize {
    statements.iter().filter(|statement| statement.starts_with(LOOK)).count()
}

fn begins_or_ends(statement: &str) -> bool {
    ["BEGIN", "COMMIT", "ROLLBACK"].contains(&statement)
}

/// The last that a start has to do.
async fn books_are_compared(overheard: &Overheard) {
    let client = postgres::connect(&overheard.postgres.url("careforall")).await.unwrap();
    let compared = "SELECT (SELECT count(finished_at) = 7 FROM payment.reconciliations)
                       AND (SELECT bool_and(finished_at IS NOT NULL) FROM admin.reconciliation)";
    eventually(PATIENCE, async || -> bool {
        client.query_one(compared, &[]).await.unwrap().get(0)
    })
    .await;
}

/// Everything is on, as in development; the pace is that of the lookout, so that a slow machine
/// makes no difference.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_replica_asks_a_few_questions_a_second_and_opens_no_transactions() {
    let builder = Server::builder()
        .env("CAREFORALL_SANDBOX__ENABLED", "true")
        .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "5");
    let overheard = Overheard::start(builder).await;
    let heard = async |looked: usize| {
        eventually(PATIENCE, || {
            let statements = overheard.statements();
            std::future::ready((looks(&statements) >= looked).then_some(statements))
        })
        .await
    };
    books_are_compared(&overheard).await;
    let before = heard(1).await;
    let after = heard(looks(&before) + LOOKS).await;
    let new = &after[before.len()..];
    let (frames, asked): (Vec<_>, Vec<_>) = new.iter().partition(|text| begins_or_ends(text));
    assert!(asked.len() <= LOOKS * MOST, "{} in {LOOKS} looks: {asked:#?}", asked.len());
    assert!(frames.len() <= LOOKS, "{} transactions begun or ended: {new:#?}", frames.len());
}
