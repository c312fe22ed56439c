//! Stored bodies, read again before they are applied.
//!
//! What cannot be read at the door is stored without the names in it, under a key that is made of
//! its body. When it can be read (a release knows its form, the mode is put right, a person has
//! found that only the header was wrong), the row gets its event's names: so it finds its payment,
//! is woken with it, and takes its place among the events. There the first stands: if the event is
//! in the inbox already, this is a repetition, whatever its body says.

use diesel::QueryResult;

use super::{
    super::{
        api::{Provider, WebhookEvent},
        repo::{self, InboxRow, Settled},
    },
    outcome::{Applied, dead},
};
use crate::platform::postgres::Connection;

/// The events in these rows. What still cannot be read, or came before under its own name, is not
/// among them but settled.
pub async fn read_again<'a>(
    conn: &mut Connection,
    provider: &dyn Provider,
    rows: &'a [InboxRow],
    outcome: &mut Applied,
) -> QueryResult<Vec<(&'a InboxRow, WebhookEvent)>> {
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        match provider.parse(None, &row.body) {
            Err(error) => outcome.settled.push(dead(row, format!("cannot be read: {error}"))),
            Ok(event) if bears_names_of(row, &event) => events.push((row, event)),
            Ok(event) if repo::name_inbox(conn, row.id, &event).await? => events.push((row, event)),
            Ok(_) => outcome.settled.push(repetition(row)),
        }
    }
    Ok(events)
}

fn bears_names_of(row: &InboxRow, event: &WebhookEvent) -> bool {
    row.event_id == event.event_id
        && row.payment_id == event.payment_id
        && row.provider_payment_id == event.provider_payment_id
}

fn repetition(row: &InboxRow) -> Settled {
    Settled {
        id: row.id,
        status: "ignored",
        reason: Some("duplicate".to_owned()),
        attempts: row.attempts + 1,
        next_attempt_at: None,
    }
}
