//! Log lines: JSON for machines, pretty for people; each says in which trace it was written.

use std::{fmt, io::stderr};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Writer},
    },
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::{
    json_line::json_line,
    log_file::WrittenBack,
    log_queue::{LogGuard, LogQueue},
    trace::current,
};

/// The driver writes statements with their parameters at `debug`: addresses, hashes, tokens. Only a
/// filter that names it gets them.
const QUIET: &str = "tokio_postgres=info";

/// Starts logging to standard error. `filter` is in the form of `RUST_LOG`. A thread of its own
/// writes: a request never waits for a slow log.
///
/// # Errors
/// When the filter cannot be read, the thread cannot be started, or logging was started before.
pub fn init(filter: &str, json: bool) -> anyhow::Result<LogGuard> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .map_err(|e| anyhow::anyhow!("RUST_LOG: {e}"))?;
    let (queue, guard) = LogQueue::start(WrittenBack::new(stderr()))?;
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(JsonLines(queue)).try_init()?;
    } else {
        let layer = tracing_subscriber::fmt::layer().event_format(Traced(Format::default()));
        registry.with(layer.with_writer(move || queue.clone())).try_init()?;
    }
    Ok(guard)
}

/// For machines.
struct JsonLines(LogQueue);

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.push(&json_line(event, current()));
    }
}

/// For people: a format that adds `trace_id`, as OpenTelemetry calls it.
struct Traced(Format);

impl<S, N> FormatEvent<S, N> for Traced
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(trace) = current() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writeln!(writer, "{} trace_id={}", line.trim_end(), trace.trace_id())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::platform::telemetry::{
        TraceContext,
        log_queue::tests::{Buffer, finish},
        scope,
    };

    async fn lines_of(work: impl Future<Output = ()>) -> Vec<Value> {
        let buffer = Buffer::default();
        let (queue, guard) = LogQueue::start(buffer.clone()).unwrap();
        let layers = tracing_subscriber::registry().with(JsonLines(queue));
        let subscribed = tracing::subscriber::set_default(layers);
        work.await;
        drop(subscribed);
        finish(&guard);
        buffer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_line_says_in_which_trace_it_was_written() {
        let trace = TraceContext::root();
        let lines = lines_of(async {
            tracing::info!(answer = 42, "outside");
            scope(trace, async { tracing::warn!("inside") }).await;
        })
        .await;
        assert_eq!((&lines[0]["message"], &lines[0]["answer"]), (&"outside".into(), &42.into()));
        assert!(lines[0].get("trace_id").is_none());
        assert_eq!(lines[1]["message"], "inside");
        assert_eq!(lines[1]["trace_id"], trace.trace_id());
        assert_eq!(lines[1]["span_id"], trace.span_id());
    }

    #[tokio::test]
    async fn every_kind_of_value_can_be_read_back() {
        let error = std::io::Error::other("a \"bad\"\nthing");
        let lines = lines_of(async {
            tracing::error!(
                yes = true, below = -1, most = u64::MAX, half = 0.5, nothing = f64::NAN,
                wide = u128::MAX, text = "tab\t\u{1}ü\"", debug = ?Some("x"), %error,
                cause = &error as &dyn std::error::Error, "no {}", "money"
            );
        })
        .await;
        let mut line = lines[0].clone();
        let timestamp = line["timestamp"].take();
        assert!(timestamp.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().is_ok());
        let expected = json!({
            "timestamp": null, "level": "ERROR", "message": "no money", "yes": true, "below": -1,
            "most": u64::MAX, "half": 0.5, "nothing": null, "wide": u128::MAX.to_string(),
            "text": "tab\t\u{1}ü\"", "debug": "Some(\"x\")", "error": "a \"bad\"\nthing",
            "cause": "a \"bad\"\nthing", "target": module_path!(),
        });
        assert_eq!(line, expected);
    }

    /// Some libraries log by the `log` crate; where that comes from stands in fields.
    #[tokio::test]
    async fn what_came_by_another_crate_keeps_its_target() {
        let lines = lines_of(async {
            let record = log::Record::builder()
                .level(log::Level::Warn)
                .target("elsewhere")
                .args(format_args!("odd"))
                .build();
            tracing_log::format_trace(&record).unwrap();
        })
        .await;
        assert_eq!(
            (&lines[0]["target"], &lines[0]["level"], &lines[0]["message"]),
            (&"elsewhere".into(), &"WARN".into(), &"odd".into())
        );
    }
}
