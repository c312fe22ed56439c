//! Problems: every error a client can see (RFC 9457, `application/problem+json`).
//!
//! A problem is made where the error is understood, and turned into an HTTP answer in one place
//! (`platform::http`). Every code has one meaning and one page, `/problems/{code}`.

mod catalog;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub use catalog::ProblemCode;

/// One field that the client got wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a path such as `metadata.order` in the body, or the name of a parameter or header.
    #[schema(example = "amount_minor")]
    pub field: String,
    /// What kind of mistake, for programs: `required`, `unknown`, `invalid`, `out-of-range`, …
    #[schema(example = "required")]
    pub code: Cow<'static, str>,
    /// What is wrong, for people.
    #[schema(example = "is required")]
    pub message: String,
}

/// An error as the client will see it. `instance` and `trace_id` are added on the way out.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: ProblemCode,
    pub detail: Cow<'static, str>,
    pub errors: Vec<FieldError>,
    /// Seconds after which a retry makes sense, for `Retry-After`.
    pub retry_after: Option<u32>,
    /// Members beyond the standard ones, such as `payment_id`.
    pub extensions: Map<String, Value>,
}

impl Problem {
    /// A problem with the explanation of this one occurrence.
    pub fn new(code: ProblemCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: code.retry_after(),
            extensions: Map::new(),
        }
    }

    /// `validation-failed` for one field.
    pub fn field(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::validation(vec![FieldError {
            field: field.into(),
            code: code.into(),
            message: message.into(),
        }])
    }

    /// `validation-failed` for these fields.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let names: Vec<_> = errors.iter().map(|e| format!("`{}` {}", e.field, e.message)).collect();
        let mut problem = Self::new(ProblemCode::ValidationFailed, names.join("; "));
        problem.errors = errors;
        problem
    }

    /// Adds a member beyond the standard ones.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    pub fn status(&self) -> u16 {
        self.code.status()
    }

    /// The body to send. `instance` is the path of the request.
    pub fn body(&self, instance: &str, trace_id: &str) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), format!("/problems/{}", self.code).into());
        body.insert("title".into(), self.code.title().into());
        body.insert("status".into(), self.status().into());
        body.insert("detail".into(), self.detail.clone().into());
        body.insert("instance".into(), instance.into());
        body.insert("code".into(), self.code.as_str().into());
        body.insert("trace_id".into(), trace_id.into());
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(
                |e| serde_json::json!({ "field": e.field, "code": e.code, "message": e.message }),
            );
            body.insert("errors".into(), errors.collect());
        }
        body.extend(self.extensions.clone());
        Value::Object(body)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}
