//! Logs, traces, and the trace context that every request, event and webhook carries.
//!
//! [`TraceContext`] is always there: it is in headers, log lines, problems, events and the metadata
//! of payments. [`Span`]s are made only while a collector is configured and the trace is sampled;
//! whoever begins a trace decides that for all who continue it. One donation is one trace where its
//! requests carry the same `traceparent`; what follows from a payment continues that payment's
//! trace, across the bus, the provider and its webhooks.

mod batch;
mod export;
mod http;
mod json_line;
mod log_file;
mod log_queue;
mod logs;
mod span;
mod trace;

pub use batch::BatchSpans;
pub use export::{Export, TraceGuard, is_exporting, start as export_traces};
pub use http::{Propagation, send};
pub use log_queue::LogGuard;
pub use logs::init;
pub use opentelemetry::trace::SpanKind;
pub use opentelemetry_semantic_conventions::attribute as names;
pub use span::{Span, recorded};
pub use trace::{TraceContext, current, resume, scope};
