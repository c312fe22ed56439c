//! Work that is done for many traces at once: one step in each of them.

use std::future::Future;

use opentelemetry::trace::SpanKind;

use super::{
    export::is_exporting,
    span::Span,
    trace::{TraceContext, scope},
};

/// The steps of a batch, one for each item whose trace is recorded. They begin and end together.
/// What is done for all of them at once is seen in the first one's trace; the others point at it.
#[derive(Debug, Default)]
pub struct BatchSpans {
    /// As many as there are items, or none.
    spans: Vec<Span>,
}

impl BatchSpans {
    /// Begins the steps of items of these traces; `name` is asked for the places of those that are
    /// recorded.
    pub fn start(
        traces: impl Iterator<Item = Option<TraceContext>>,
        name: impl Fn(usize) -> String,
        kind: &SpanKind,
    ) -> Self {
        if !is_exporting() {
            return Self::default();
        }
        let mut lead: Option<TraceContext> = None;
        let spans = traces.enumerate().map(|(place, trace)| {
            let mut span = match trace.filter(TraceContext::is_sampled) {
                Some(trace) => Span::within(trace, name(place), kind.clone()),
                None => Span::none(),
            };
            match lead {
                Some(lead) => span.link(lead),
                None => lead = span.context(),
            }
            span
        });
        Self { spans: spans.collect() }
    }

    /// Those that are recorded, with their places.
    pub fn recorded(&mut self) -> impl Iterator<Item = (usize, &mut Span)> {
        self.spans.iter_mut().enumerate().filter(|(_, span)| span.is_recording())
    }

    /// Does what is done for all of them.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        match self.spans.iter().find_map(Span::context) {
            Some(lead) => scope(lead, work).await,
            None => work.await,
        }
    }
}
