//! The steps of events in their traces: sequenced, then processed by each consumer.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{consumer::Consumer, event::Event};
use crate::platform::{
    postgres::{Connection, cached},
    telemetry::{
        BatchSpans, Span, SpanKind, TraceContext,
        names::{
            MESSAGING_CONSUMER_GROUP_NAME, MESSAGING_DESTINATION_NAME,
            MESSAGING_DESTINATION_PARTITION_ID, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME,
            MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM,
        },
    },
};

/// What OpenTelemetry calls a messaging system: ours.
const SYSTEM: &str = "careforall";
const LOG: &str = "bus.event_log";

fn parse(trace: Option<&str>) -> Option<TraceContext> {
    trace?.parse().ok()
}

fn describe(span: &mut Span, operation: &'static str, kind: &'static str, event_id: Uuid) {
    span.set(MESSAGING_SYSTEM, SYSTEM);
    span.set(MESSAGING_DESTINATION_NAME, LOG);
    span.set(MESSAGING_OPERATION_NAME, operation);
    span.set(MESSAGING_OPERATION_TYPE, kind);
    span.set(MESSAGING_MESSAGE_ID, event_id.to_string());
}

/// One step for each event whose trace is recorded.
pub fn process(consumer: &dyn Consumer, batch: &[Event]) -> BatchSpans {
    let traces = batch.iter().map(|event| parse(event.trace_context.as_deref()));
    let name = |place: usize| format!("process {} {}", consumer.name(), batch[place].event_type);
    let mut spans = BatchSpans::start(traces, name, &SpanKind::Consumer);
    for (place, span) in spans.recorded() {
        let event = &batch[place];
        describe(span, "process", "process", event.event_id);
        span.set(MESSAGING_CONSUMER_GROUP_NAME, consumer.name());
        span.set(MESSAGING_DESTINATION_PARTITION_ID, event.partition.to_string());
    }
    spans
}

/// The same events, each saying that what follows from it happens within its step. `None` where
/// no step is recorded.
pub fn carried(batch: &[Event], spans: &mut BatchSpans) -> Option<Vec<Event>> {
    let mut carried: Option<Vec<Event>> = None;
    for (place, span) in spans.recorded() {
        let events = carried.get_or_insert_with(|| batch.to_vec());
        events[place].trace_context = span.context().map(|trace| trace.to_string());
    }
    carried
}

/// Tells of the newest `moved` events of the log whose traces are recorded. Should another replica
/// have sequenced meanwhile, this tells of its events: that costs a step in a trace, never an event.
pub async fn sequenced(conn: &mut Connection, moved: i64, since: DateTime<Utc>) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Moved {
        #[diesel(sql_type = SqlUuid)]
        event_id: Uuid,
        #[diesel(sql_type = Text)]
        event_type: String,
        #[diesel(sql_type = Text)]
        trace_context: String,
    }
    const MOVED: &str = "\
        SELECT e.event_id, e.type AS event_type, e.trace_context \
          FROM bus.event_log e, \
               (SELECT last_seq FROM bus.event_head ORDER BY pass DESC LIMIT 1) head \
         WHERE e.seq > head.last_seq - $1 AND e.seq <= head.last_seq \
           AND e.trace_context LIKE '%-01'";
    let moved: Vec<Moved> = cached(sql_query(MOVED).bind::<BigInt, _>(moved)).load(conn).await?;
    for event in moved {
        let Some(trace) = parse(Some(&event.trace_context)) else { continue };
        let name = format!("sequence {}", event.event_type);
        let mut span = Span::since(since, trace, name, SpanKind::Internal);
        describe(&mut span, "sequence", "settle", event.event_id);
    }
    Ok(())
}
