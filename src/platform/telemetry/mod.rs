//! Logs and the trace context that every request, event and webhook carries.

mod logs;
mod trace;

pub use logs::{LogGuard, init};
pub use trace::{TraceContext, current, scope};
