//! Sending spans to a collector, by OTLP over HTTP, when one is configured.
//!
//! Spans are made with OpenTelemetry's own API and given to its batching processor, which drops
//! what a slow collector cannot take: no request waits for it. Without a collector nothing here
//! exists, and a span costs one look at a variable.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use opentelemetry_semantic_conventions::attribute::{SERVICE_INSTANCE_ID, SERVICE_VERSION};
use tokio::{runtime::Handle, task::spawn_blocking};

use crate::kernel::clock;

/// How long the collector has for one batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where spans go, and how many.
#[derive(Debug, Clone)]
pub struct Export<'a> {
    /// The base of an OTLP/HTTP endpoint, such as `http://collector:4318`.
    pub endpoint: &'a str,
    pub service_name: &'a str,
    /// Of the traces that begin here, from 0 to 1. What others have begun goes by their decision.
    pub sample_ratio: f64,
}

pub(super) struct Exporting {
    pub tracer: SdkTracer,
    pub sample_ratio: f64,
}

static EXPORTING: OnceLock<Exporting> = OnceLock::new();

pub(super) fn exporting() -> Option<&'static Exporting> {
    EXPORTING.get()
}

/// Whether spans are made at all.
pub fn is_exporting() -> bool {
    EXPORTING.get().is_some()
}

/// Sends what is left when it is closed: keep it until the end.
#[must_use]
pub struct TraceGuard(SdkTracerProvider);

impl TraceGuard {
    /// Waits for the last batch; a collector that does not answer keeps it for a few seconds.
    pub async fn close(self) {
        let shut = spawn_blocking(move || self.0.shutdown_with_timeout(PATIENCE)).await;
        if let Ok(Err(error)) = shut {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

/// Starts the export. Batches are sent on `runtime`.
///
/// # Errors
/// When the endpoint is no URL, or it was started before.
pub fn start(export: &Export<'_>, runtime: Handle) -> anyhow::Result<TraceGuard> {
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender(Arc::new((http, runtime))))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", export.endpoint.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let resource = Resource::builder()
        .with_service_name(export.service_name.to_owned())
        .with_attribute(opentelemetry::KeyValue::new(SERVICE_VERSION, env!("CARGO_PKG_VERSION")))
        .with_attribute(opentelemetry::KeyValue::new(
            SERVICE_INSTANCE_ID,
            clock::new_id().to_string(),
        ))
        .build();
    let provider = SdkTracerProvider::builder()
        // what is not sampled never becomes a span
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer("careforall");
    let started = EXPORTING.set(Exporting { tracer, sample_ratio: export.sample_ratio });
    anyhow::ensure!(started.is_ok(), "the export of traces was started before");
    Ok(TraceGuard(provider))
}

/// Our HTTP client for the processor's thread, which has no runtime.
#[derive(Debug, Clone)]
struct Sender(Arc<(reqwest::Client, Handle)>);

impl HttpClient for Sender {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> BoxFuture<'async_trait, Result<Response<Bytes>, HttpError>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let sender = self.clone();
        Box::pin(async move {
            let (http, runtime) = &*sender.0;
            runtime.spawn(send(http.clone(), request)).await?
        })
    }
}

async fn send(
    http: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let answer = http.execute(request.try_into()?).await?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    Ok(response.body(answer.bytes().await?)?)
}
