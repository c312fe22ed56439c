//! Statements and transactions as steps of the trace that they are sent for.

use std::collections::VecDeque;

use diesel::{
    connection::{Instrumentation, InstrumentationEvent},
    result::Error,
};

use crate::platform::telemetry::{
    Span, SpanKind, TraceContext,
    names::{
        DB_COLLECTION_NAME, DB_OPERATION_NAME, DB_QUERY_SUMMARY, DB_QUERY_TEXT, DB_SYSTEM_NAME,
    },
    recorded,
};

/// Longer statements are cut.
const LONGEST: usize = 1000;

/// Watches one connection. Diesel calls it from the task that sends the statement, so that the
/// task's trace is the statement's. Values that are bound to a statement are never looked at.
#[derive(Debug, Default)]
pub struct DbSpans {
    /// The traces and steps of statements under way, in the order of their sending; a connection
    /// answers in that order.
    running: VecDeque<(TraceContext, Span)>,
    transaction: Option<(TraceContext, Span)>,
    ending: bool,
}

impl Instrumentation for DbSpans {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => self.sent(),
            InstrumentationEvent::FinishQuery { query, error, .. } => {
                if let Some((_, span)) = self.running.pop_front() {
                    describe(span, &query.to_string(), error);
                }
                if self.ending {
                    (self.transaction, self.ending) = (None, false);
                }
            }
            InstrumentationEvent::BeginTransaction { depth, .. } if depth.get() == 1 => {
                self.running.clear();
                self.ending = false;
                self.transaction = recorded().map(|trace| {
                    let mut span = Span::within(trace, "transaction", SpanKind::Internal);
                    span.set(DB_SYSTEM_NAME, "postgresql");
                    (trace, span)
                });
            }
            InstrumentationEvent::CommitTransaction { depth, .. }
            | InstrumentationEvent::RollbackTransaction { depth, .. }
                if depth.get() == 1 =>
            {
                self.ending = true;
            }
            _ => {}
        }
    }
}

impl DbSpans {
    fn sent(&mut self) {
        let trace = recorded();
        // somebody who went away before the answer: of nothing else is there more than one trace
        if self.running.front().is_some_and(|(other, _)| Some(*other) != trace) {
            self.running.clear();
        }
        let Some(trace) = trace else { return };
        let parent = match &self.transaction {
            Some((of, span)) if of.is_same_trace(&trace) => span.context(),
            _ => None,
        };
        let span = Span::within(parent.unwrap_or(trace), "query", SpanKind::Client);
        self.running.push_back((trace, span));
    }
}

fn describe(mut span: Span, sql: &str, error: Option<&Error>) {
    let (operation, target) = summary(sql);
    let summary = format!("{operation} {target}").trim_end().to_owned();
    span.set(DB_SYSTEM_NAME, "postgresql");
    span.set(DB_OPERATION_NAME, operation);
    if !target.is_empty() {
        span.set(DB_COLLECTION_NAME, target);
    }
    span.set(DB_QUERY_SUMMARY, summary.clone());
    span.set(DB_QUERY_TEXT, sql.chars().take(LONGEST).collect::<String>());
    span.rename(summary);
    match error {
        None | Some(Error::NotFound) => {}
        Some(Error::DatabaseError(kind, _)) => span.fail(format!("{kind:?}")),
        Some(_) => span.fail("client"),
    }
}

/// What a statement does, and to what it first does it.
fn summary(sql: &str) -> (String, String) {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let is = |word: &str, name: &str| word.trim_start_matches('(').eq_ignore_ascii_case(name);
    let writes = ["INSERT", "UPDATE", "DELETE"];
    let first = words.first().copied().unwrap_or_default();
    let operation = if is(first, "WITH") {
        // FOR UPDATE: a lock, no write
        let mut pairs = words.windows(2).filter(|pair| !is(pair[0], "FOR"));
        let found = pairs.find_map(|pair| writes.into_iter().find(|name| is(pair[1], name)));
        found.unwrap_or("SELECT").to_owned()
    } else {
        first.trim_end_matches(';').to_uppercase()
    };
    let before = match operation.as_str() {
        "INSERT" => "INTO",
        "UPDATE" => "UPDATE",
        "SELECT" | "DELETE" => "FROM",
        _ => return (operation, String::new()),
    };
    let target = words.windows(2).find_map(|pair| {
        // FOR UPDATE OF, FOR UPDATE SKIP LOCKED: no table of that name
        let named = is(pair[0], before) && !is(pair[1], "OF") && !is(pair[1], "SKIP");
        let name = pair[1].split('(').next().unwrap_or_default().replace('"', "");
        (named && !name.is_empty()).then(|| name.trim_matches([',', ')', ';']).to_owned())
    });
    // a function that is called for what it does
    let called = || {
        let (name, _) = words.get(1).filter(|_| operation == "SELECT")?.split_once('(')?;
        name.contains('.').then(|| name.to_owned())
    };
    let target = target.or_else(called).unwrap_or_default();
    (operation, target)
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn a_statement_is_named_by_what_it_does_to_what() {
        for (sql, expected) in [
            (r#"SELECT "a"."b"."id" FROM "a"."b" WHERE x = $1"#, "SELECT a.b"),
            ("INSERT INTO bus.outbox (id) SELECT e.id FROM unnest($1) e", "INSERT bus.outbox"),
            ("SELECT moved, strays FROM bus.sequence($1, $2)", "SELECT bus.sequence"),
            ("SELECT a.make_many($1, $2) AS made", "SELECT a.make_many"),
            ("SELECT 1", "SELECT"),
            ("WITH h AS (SELECT 1 FROM a) UPDATE b.c SET x = 1", "UPDATE b.c"),
            ("WITH h AS (SELECT 1 FROM (VALUES (1)) v) SELECT * FROM b", "SELECT b"),
            ("SELECT x FROM a.b FOR UPDATE SKIP LOCKED", "SELECT a.b"),
            ("WITH h AS (SELECT x FROM a.b FOR UPDATE) SELECT * FROM h", "SELECT a.b"),
            ("DELETE FROM a.b WHERE true", "DELETE a.b"),
            ("COMMIT", "COMMIT"),
            ("ROLLBACK TO SAVEPOINT x; RELEASE SAVEPOINT x", "ROLLBACK"),
        ] {
            let (operation, target) = summary(sql);
            assert_eq!(format!("{operation} {target}").trim(), expected, "{sql}");
        }
    }
}
