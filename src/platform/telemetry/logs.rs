//! Log lines: JSON for machines, pretty for people.

use std::io::BufWriter;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// The driver writes statements with their parameters at `debug`: addresses, hashes, tokens. Only a
/// filter that names it gets them.
const QUIET: &str = "tokio_postgres=info";

/// Bytes gathered before they are written; a quiet log is written line by line.
const BUFFER: usize = 64 * 1024;

/// Writes what is still in the queue when it is dropped: keep it until the end.
pub type LogGuard = tracing_appender::non_blocking::WorkerGuard;

/// Starts logging to standard error. `filter` is in the form of `RUST_LOG`. A thread of its own
/// writes: a request never waits for a slow log, and when 128,000 lines wait, more are dropped.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn init(filter: &str, json: bool) -> anyhow::Result<LogGuard> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .map_err(|e| anyhow::anyhow!("RUST_LOG: {e}"))?;
    let buffer = BufWriter::with_capacity(BUFFER, std::io::stderr());
    let (writer, guard) = tracing_appender::non_blocking(buffer);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        let layer = fmt::layer().json().flatten_event(true).with_current_span(true);
        registry.with(layer.with_span_list(false).with_writer(writer)).try_init()?;
    } else {
        registry.with(fmt::layer().with_writer(writer)).try_init()?;
    }
    Ok(guard)
}
