//! W3C trace context: made or accepted at the edge, stored with every event, written in every log
//! line and every problem.

use std::{fmt, future::Future, str::FromStr};

/// Where in which trace the current work happens (<https://www.w3.org/TR/trace-context/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: bool,
}

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The trace context of the work under way, if it has one.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|c| *c).ok()
}

/// Runs `work` as part of this trace.
pub fn scope<F: Future>(context: TraceContext, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(context, work)
}

/// Goes on with a trace that was stored, if one was.
pub async fn resume<F: Future>(context: Option<TraceContext>, work: F) -> F::Output {
    match context {
        Some(context) => scope(context, work).await,
        None => work.await,
    }
}

impl TraceContext {
    /// The root of a new trace that nobody records.
    pub fn root() -> Self {
        Self { trace_id: rand::random(), span_id: rand::random(), sampled: false }
    }

    pub(super) const fn of(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool) -> Self {
        Self { trace_id, span_id, sampled }
    }

    pub(super) const fn ids(self) -> ([u8; 16], [u8; 8]) {
        (self.trace_id, self.span_id)
    }

    /// Whether it is recorded, here or by those who called us.
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// A new span in the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span_id: rand::random(), ..self }
    }

    /// Whether both are of one trace.
    pub fn is_same_trace(&self, other: &Self) -> bool {
        self.trace_id == other.trace_id
    }

    /// 32 hex digits.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace_id)
    }

    /// 16 hex digits.
    pub fn span_id(&self) -> String {
        hex::encode(self.span_id)
    }
}

impl fmt::Display for TraceContext {
    /// The `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (hex::encode(self.trace_id), hex::encode(self.span_id));
        write!(f, "00-{trace}-{span}-{:02x}", u8::from(self.sampled))
    }
}

impl FromStr for TraceContext {
    type Err = ();

    /// Reads a `traceparent` header of version 00, or the leading part of a later one.
    fn from_str(header: &str) -> Result<Self, ()> {
        let mut parts = header.trim().split('-');
        let mut part = || parts.next().ok_or(());
        let (version, trace, span, flags) = (part()?, part()?, part()?, part()?);
        let extended = parts.next().is_some();
        if version.len() != 2 || version == "ff" || (version == "00" && extended) {
            return Err(());
        }
        if header.bytes().any(|b| b.is_ascii_uppercase()) || flags.len() != 2 {
            return Err(());
        }
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        hex::decode_to_slice(trace, &mut trace_id).map_err(|_| ())?;
        hex::decode_to_slice(span, &mut span_id).map_err(|_| ())?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| ())?;
        if trace_id == [0; 16] || span_id == [0; 8] {
            return Err(());
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_round_trips_and_junk_is_refused() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context: TraceContext = header.parse().unwrap();
        assert_eq!(context.to_string(), header);
        assert_eq!(context.child().trace_id(), context.trace_id());
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(bad.parse::<TraceContext>().is_err(), "{bad}");
        }
    }
}
