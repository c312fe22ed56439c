//! A collector: takes OTLP over HTTP as any collector does, and shows what it was told.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, any_value},
    trace::v1::Span,
};
use prost::Message;

/// A span, as tests look at it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub name: String,
    /// Hex.
    pub trace: String,
    pub id: String,
    /// Empty for a root.
    pub parent: String,
    pub kind: i32,
    pub attributes: HashMap<String, String>,
    /// Traces and spans that it points at.
    pub links: Vec<(String, String)>,
    pub failed: bool,
    /// From its resource.
    pub service: String,
}

type Told = Arc<Mutex<Vec<Seen>>>;

/// Ends when dropped.
pub struct Collector {
    told: Told,
    base: String,
    server: ServerHandle,
}

impl Collector {
    pub fn start() -> Self {
        let told = Told::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::new(told.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(64 << 20))
                .route("/v1/traces", web::post().to(take))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { told, base, server: handle }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> &str {
        &self.base
    }

    pub fn spans(&self) -> Vec<Seen> {
        self.told.lock().unwrap().clone()
    }

    pub fn of(&self, trace: &str) -> Tree {
        Tree(self.spans().into_iter().filter(|span| span.trace == trace).collect())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn take(told: web::Data<Told>, body: web::Bytes) -> HttpResponse {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return HttpResponse::BadRequest().finish();
    };
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = attributes.iter().find(|attribute| attribute.key == "service.name");
        let service = service.map(|found| text(found.value.as_ref())).unwrap_or_default();
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        told.lock().unwrap().extend(spans.map(|span| seen(&span, &service)));
    }
    // the empty answer: all was taken
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn seen(span: &Span, service: &str) -> Seen {
    let attribute = |a: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        (a.key.clone(), text(a.value.as_ref()))
    };
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
    Seen {
        name: span.name.clone(),
        trace: hex::encode(&span.trace_id),
        id: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        kind: span.kind,
        attributes: span.attributes.iter().map(attribute).collect(),
        links: span
            .links
            .iter()
            .map(|link| (hex::encode(&link.trace_id), hex::encode(&link.span_id)))
            .collect(),
        failed: span.status.as_ref().is_some_and(|status| status.code == 2),
        service: service.to_owned(),
    }
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(n)) => n.to_string(),
        other => format!("{other:?}"),
    }
}

/// The spans of one trace.
#[derive(Debug, Clone)]
pub struct Tree(pub Vec<Seen>);

impl Tree {
    /// The spans to which these names lead, from a span that nobody here has made, each name that
    /// of a child of the one before.
    pub fn at(&self, path: &str) -> Vec<&Seen> {
        let known = |id: &str| self.0.iter().any(|span| span.id == id);
        let mut below: Vec<&Seen> = self.0.iter().filter(|span| !known(&span.parent)).collect();
        let mut found = Vec::new();
        for name in path.split(" > ") {
            found = below.into_iter().filter(|span| span.name == name).collect();
            let child = |span: &&Seen| found.iter().any(|parent: &&Seen| parent.id == span.parent);
            below = self.0.iter().filter(child).collect();
        }
        found
    }

    /// Whether a span whose name begins with `parent` has a child of this name.
    pub fn has_below(&self, parent: &str, name: &str) -> bool {
        let is_parent = |id: &str| self.0.iter().any(|s| s.id == id && s.name.starts_with(parent));
        self.0.iter().any(|span| span.name == name && is_parent(&span.parent))
    }

    /// As people read it, for messages.
    pub fn drawn(&self) -> String {
        let mut drawing = String::new();
        for root in self.0.iter().filter(|s| !self.0.iter().any(|other| other.id == s.parent)) {
            self.draw(root, 0, &mut drawing);
        }
        drawing
    }

    fn draw(&self, span: &Seen, depth: usize, drawing: &mut String) {
        writeln!(drawing, "{:indent$}{}", "", span.name, indent = depth * 2).unwrap();
        for child in self.0.iter().filter(|other| other.parent == span.id) {
            self.draw(child, depth + 1, drawing);
        }
    }
}
