//! Log lines: JSON for machines, pretty for people.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// The driver writes statements with their parameters at `debug`: addresses, hashes, tokens. Only a
/// filter that names it gets them.
const QUIET: &str = "tokio_postgres=info";

/// Starts logging to standard error. `filter` is in the form of `RUST_LOG`.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn init(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .map_err(|e| anyhow::anyhow!("RUST_LOG: {e}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        let layer = fmt::layer().json().flatten_event(true).with_current_span(true);
        registry.with(layer.with_span_list(false).with_writer(std::io::stderr)).try_init()?;
    } else {
        registry.with(fmt::layer().with_writer(std::io::stderr)).try_init()?;
    }
    Ok(())
}
