//! One step of a trace, as a collector is told of it.

use std::{borrow::Cow, future::Future};

use chrono::{DateTime, Utc};
use opentelemetry::{
    Context, KeyValue, Value,
    trace::{
        Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
        TraceState, Tracer,
    },
};
use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;

use super::{
    export::exporting,
    trace::{TraceContext, current, scope},
};

/// A step that is recorded, or nothing at all, where the trace is not sampled or not exported. It
/// ends when it is dropped.
#[derive(Debug, Default)]
pub struct Span(Option<Box<opentelemetry_sdk::trace::Span>>);

impl Span {
    /// Nothing.
    pub const fn none() -> Self {
        Self(None)
    }

    /// A step of the work under way.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Self {
        match recorded() {
            Some(parent) => Self::within(parent, name, kind),
            None => Self(None),
        }
    }

    /// A step of this trace, under this parent, if it is sampled.
    pub fn within(
        parent: TraceContext,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
    ) -> Self {
        Self::begun(None, Some(parent), name, kind)
    }

    /// The same of work that began a while ago.
    pub fn since(
        start: DateTime<Utc>,
        parent: TraceContext,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
    ) -> Self {
        Self::begun(Some(start), Some(parent), name, kind)
    }

    /// The answer to a request: part of the caller's trace, or the root of one. Returns where in
    /// which trace the work happens, recorded or not.
    pub fn server(parent: Option<TraceContext>) -> (TraceContext, Self) {
        let span = match parent {
            Some(parent) => Self::within(parent, "request", SpanKind::Server),
            None if chosen() => Self::begun(None, None, "request", SpanKind::Server),
            None => Self(None),
        };
        let context = span.context().or_else(|| parent.map(TraceContext::child));
        (context.unwrap_or_else(TraceContext::root), span)
    }

    fn begun(
        start: Option<DateTime<Utc>>,
        parent: Option<TraceContext>,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
    ) -> Self {
        let sampled = parent.is_none_or(|parent| parent.is_sampled());
        let Some(exporting) = exporting().filter(|_| sampled) else { return Self(None) };
        let mut builder = exporting.tracer.span_builder(name).with_kind(kind);
        builder.start_time = start.map(Into::into);
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent.into()),
            None => Context::new(),
        };
        Self(Some(Box::new(exporting.tracer.build_with_context(builder, &context))))
    }

    pub const fn is_recording(&self) -> bool {
        self.0.is_some()
    }

    /// Where work inside this step happens; `None` if it is not recorded.
    pub fn context(&self) -> Option<TraceContext> {
        self.0.as_ref().map(|span| span.span_context().into())
    }

    /// Does `work` inside this step.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        match self.context() {
            Some(context) => scope(context, work).await,
            None => work.await,
        }
    }

    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(span) = &mut self.0 {
            span.update_name(name);
        }
    }

    /// Sets an attribute; its name is one of OpenTelemetry's semantic conventions where these have
    /// one.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// Points at another step, of this or of another trace.
    pub fn link(&mut self, other: TraceContext) {
        if let Some(span) = &mut self.0 {
            span.add_link(other.into(), Vec::new());
        }
    }

    /// It went wrong; `kind` is one of few words.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(ERROR_TYPE, kind.into()));
            span.set_status(Status::error(""));
        }
    }
}

/// Where the work under way happens, if that is recorded.
pub fn recorded() -> Option<TraceContext> {
    exporting()?;
    current().filter(TraceContext::is_sampled)
}

/// Whether a trace that begins now is to be recorded.
fn chosen() -> bool {
    exporting().is_some_and(|exporting| rand::random::<f64>() < exporting.sample_ratio)
}

impl From<TraceContext> for SpanContext {
    fn from(context: TraceContext) -> Self {
        let (trace, span) = context.ids();
        let flags = TraceFlags::default().with_sampled(context.is_sampled());
        Self::new(
            TraceId::from_bytes(trace),
            SpanId::from_bytes(span),
            flags,
            false,
            TraceState::NONE,
        )
    }
}

impl From<&SpanContext> for TraceContext {
    fn from(context: &SpanContext) -> Self {
        let (trace, span) = (context.trace_id().to_bytes(), context.span_id().to_bytes());
        Self::of(trace, span, context.is_sampled())
    }
}
