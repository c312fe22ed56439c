//! Problems in the OpenAPI document.
//!
//! A route lists the codes it can answer with in the extension `x-problems`; here each becomes a
//! response with an example, so that no route repeats what the catalogue knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
    example::ExampleBuilder,
    header::HeaderBuilder,
    path::Operation,
    schema::{ArrayItems, ObjectBuilder, Schema, Type},
};

use super::limits;
use crate::kernel::problem::{Problem, ProblemCode};

/// The extension under which a route lists its problem codes.
pub const PROBLEMS: &str = "x-problems";

/// Any route may answer with these.
const EVERYWHERE: [&str; 3] = ["internal", "database-unavailable", "overloaded"];

/// Any route that the door's limits count may answer with this.
const LIMITED: [&str; 1] = ["rate-limited"];

/// Any route with a body may answer with these.
const WITH_BODY: [&str; 5] = [
    "malformed-json",
    "validation-failed",
    "request-timeout",
    "payload-too-large",
    "unsupported-media-type",
];

/// Expands `x-problems` of every operation into responses.
///
/// # Errors
/// When a route names a code that the catalogue does not have.
pub fn describe_problems(api: &mut OpenApi) -> anyhow::Result<()> {
    for (path, item) in &mut api.paths.paths {
        let operations =
            [&mut item.get, &mut item.post, &mut item.patch, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            describe(path, operation)?;
        }
    }
    Ok(())
}

fn describe(path: &str, operation: &mut Operation) -> anyhow::Result<()> {
    let own = operation.extensions.as_mut().and_then(|e| e.remove(PROBLEMS));
    let own: Vec<String> = own.map(serde_json::from_value).transpose()?.unwrap_or_default();
    let body: &[&str] = if operation.request_body.is_some() { &WITH_BODY } else { &[] };
    let limited: &[&str] = if limits::exempt(path) { &[] } else { &LIMITED };
    // a probe describes all of its answers itself
    let own_errors = operation.responses.responses.keys().any(|status| status == "503");
    let everywhere: &[&str] = if own_errors { &[] } else { &EVERYWHERE };
    let names = own
        .iter()
        .map(String::as_str)
        .chain(body.iter().copied())
        .chain(limited.iter().copied())
        .chain(everywhere.iter().copied());
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for name in names {
        let code: ProblemCode = name
            .parse()
            .map_err(|()| anyhow::anyhow!("{path}: `{name}` is not in the catalogue"))?;
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for (status, codes) in by_status {
        let response = response(path, &codes);
        operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }
    Ok(())
}

fn response(path: &str, codes: &[ProblemCode]) -> utoipa::openapi::Response {
    let examples = codes.iter().map(|code| {
        let example = ExampleBuilder::new().summary(code.title()).value(Some(example(path, *code)));
        (code.as_str(), example.build().into())
    });
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(examples.collect::<Vec<(&str, RefOr<_>)>>())
        .build();
    let titles: Vec<_> = codes.iter().map(|c| format!("`{c}`: {}", c.title())).collect();
    let mut response = ResponseBuilder::new()
        .description(titles.join(" · "))
        .content("application/problem+json", content);
    if codes.iter().any(|code| code.retry_after().is_some()) {
        let seconds = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
            .description(Some("Seconds after which to try again"))
            .build();
        response = response.header("Retry-After", seconds);
    }
    response.build()
}

fn example(path: &str, code: ProblemCode) -> Value {
    let instance = path.replace("{id}", "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f");
    let problem = match code {
        ProblemCode::ValidationFailed => Problem::field("amount_minor", "required", "is required"),
        code => Problem::new(code, code.explanation()),
    };
    problem.body(&instance, "0af7651916cd43dd8448eb211c80319c")
}

/// utoipa copies the item's schema into each page; here a reference to it takes the copy's place.
pub fn name_page_items(api: &mut OpenApi) {
    let Some(components) = &mut api.components else { return };
    let names: BTreeSet<String> = components.schemas.keys().cloned().collect();
    for (page, schema) in &mut components.schemas {
        let Some(item) = page.strip_prefix("Page_").filter(|item| names.contains(*item)) else {
            continue;
        };
        let RefOr::T(Schema::Object(page)) = schema else { continue };
        if let Some(RefOr::T(Schema::Array(data))) = page.properties.get_mut("data") {
            data.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

/// What went wrong (RFC 9457).
#[derive(utoipa::ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct ProblemSchema {
    /// `/problems/<code>`
    #[schema(rename = "type", example = "/problems/validation-failed")]
    r#type: String,
    /// The same for every occurrence of the code.
    #[schema(example = "The request is not valid")]
    title: String,
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// What happened this time.
    #[schema(example = "`amount_minor` is required")]
    detail: String,
    /// The path of the request.
    #[schema(example = "/api/v1/pledges")]
    instance: String,
    /// For programs to branch on.
    #[schema(example = "validation-failed")]
    code: String,
    /// Under which our logs speak of this request.
    #[schema(example = "0af7651916cd43dd8448eb211c80319c")]
    trace_id: String,
    /// With `validation-failed`: each mistake.
    #[schema(nullable = false)]
    errors: Option<Vec<crate::kernel::problem::FieldError>>,
}
