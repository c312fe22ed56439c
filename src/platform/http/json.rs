//! JSON bodies: parsed strictly, refused with the name of the field that is wrong.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Bytes};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, error::Category};

use super::body::RawBody;
use crate::kernel::problem::{Problem, ProblemCode};

/// The deepest nesting of a body.
const MAX_DEPTH: usize = 64;

/// A JSON body of the shape `T`. Unknown fields are refused by `T` itself
/// (`#[serde(deny_unknown_fields)]`).
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A body that may be left out: empty and `null` count as `{}`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = JsonBody::from_request(request, payload);
        Box::pin(async move { body.await?.parse().map(Json) })
    }
}

impl<T: DeserializeOwned> FromRequest for OptionalJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = JsonBody::from_request(request, payload);
        Box::pin(async move { body.await?.or_empty().parse().map(OptionalJson) })
    }
}

/// A body that has been read but not parsed, for routes that check other things first.
#[derive(Debug)]
pub struct JsonBody {
    bytes: Bytes,
    json: bool,
}

impl FromRequest for JsonBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = is_json(request);
        let body = RawBody::from_request(request, payload);
        Box::pin(async move { Ok(Self { bytes: body.await?.0, json }) })
    }
}

impl JsonBody {
    /// Takes an empty body, and `null`, as `{}`.
    #[must_use]
    pub fn or_empty(self) -> Self {
        let null = self.json && self.bytes.trim_ascii() == b"null";
        if self.bytes.is_empty() || null {
            return Self { bytes: Bytes::from_static(b"{}"), json: true };
        }
        self
    }

    /// # Errors
    /// `unsupported-media-type`, `malformed-json`, or `validation-failed` naming the field.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if !self.json {
            let detail = "send Content-Type: application/json";
            return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
        }
        parse(&self.bytes)
    }

    /// The same document for every way of writing it: members sorted, no white space.
    pub fn canonical(&self) -> Result<Vec<u8>, Problem> {
        canonical(&self.bytes)
    }
}

/// The canonical form of a JSON text (`serde_json` keeps the members of an object sorted).
pub fn canonical(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| malformed(&e))?;
    serde_json::to_vec(&value).map_err(|e| malformed(&e))
}

fn is_json(request: &HttpRequest) -> bool {
    let Some(value) = request.headers().get("content-type").and_then(|v| v.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if depth(bytes) > MAX_DEPTH {
        let detail = format!("nested more than {MAX_DEPTH} levels deep");
        return Err(Problem::new(ProblemCode::MalformedJson, detail));
    }
    refuse_list(bytes)?;
    refuse_nul(bytes)?;
    // the path of an error costs time to follow, so it is looked for only once there is one
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => located::<T>(bytes).unwrap_or_else(|| malformed(&error)),
        _ => malformed(&error),
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(ProblemCode::MalformedJson, format!("not JSON: {error}"))
}

/// Parses again, following the path, and names the field.
fn located<T: DeserializeOwned>(bytes: &[u8]) -> Option<Problem> {
    let reader = &mut serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(reader).err()?;
    let path = error.path().to_string();
    let message = error.inner().to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    let named = message.split('`').nth(1).unwrap_or_default();
    let kinds = [
        ("missing field", "required"),
        ("unknown field", "unknown"),
        ("duplicate field", "duplicate"),
    ];
    let kind = kinds.iter().find(|(start, _)| message.starts_with(start));
    let code = kind.map_or("invalid", |(_, code)| code);
    let field = match kind {
        Some(_) if path == "." || path.is_empty() => named.to_owned(),
        Some(_) if path == named || path.ends_with(&format!(".{named}")) => path,
        Some(_) => format!("{path}.{named}"),
        None if path == "." => "body".to_owned(),
        None => path,
    };
    let message = match code {
        "required" => "is required".to_owned(),
        "unknown" => "is not a known field".to_owned(),
        "duplicate" => "is given twice".to_owned(),
        _ => message,
    };
    Some(Problem::field(field, code, message))
}

/// Nesting of arrays and objects, counted outside strings.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// serde would take a list of a struct's values in the order of its fields.
fn refuse_list(bytes: &[u8]) -> Result<(), Problem> {
    if bytes.trim_ascii_start().first() != Some(&b'[') {
        return Ok(());
    }
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|e| malformed(&e))?;
    Err(Problem::field("body", "invalid", "must be an object"))
}

/// Postgres cannot store the character U+0000 in a text: it is refused at the door.
fn refuse_nul(bytes: &[u8]) -> Result<(), Problem> {
    const ESCAPE: &[u8] = br"\u0000";
    if !bytes.windows(ESCAPE.len()).any(|w| w == ESCAPE) {
        return Ok(());
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|e| malformed(&e))?;
    match find_nul(&value, String::new()) {
        Some(field) => {
            Err(Problem::field(field, "invalid", "must not contain the character U+0000"))
        }
        None => Ok(()),
    }
}

fn find_nul(value: &Value, path: String) -> Option<String> {
    let join =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::String(text) => text.contains('\0').then_some(path),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, v)| find_nul(v, format!("{path}[{i}]")))
        }
        Value::Object(members) => members.iter().find_map(|(name, v)| {
            if name.contains('\0') { Some(join("")) } else { find_nul(v, join(name)) }
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its parsing is of interest")]
    struct Gift {
        amount_minor: i64,
        metadata: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its parsing is of interest")]
    struct Inner {
        order: String,
    }

    fn refused(body: &str) -> (ProblemCode, String, String) {
        let problem = parse::<Gift>(body.as_bytes()).unwrap_err();
        let first = problem.errors.first();
        let (field, code) =
            first.map_or_else(Default::default, |e| (e.field.clone(), e.code.to_string()));
        (problem.code, field, code)
    }

    #[test]
    fn every_mistake_names_its_field() {
        use ProblemCode::{MalformedJson, ValidationFailed};
        let cases = [
            (r#"{"amount_minor": 1.5}"#, ValidationFailed, "amount_minor", "invalid"),
            (r#"{"amount_minor": "5"}"#, ValidationFailed, "amount_minor", "invalid"),
            ("{}", ValidationFailed, "amount_minor", "required"),
            (r#"{"amount_minor": 1, "x": 1}"#, ValidationFailed, "x", "unknown"),
            (
                r#"{"amount_minor": 1, "amount_minor": 2}"#,
                ValidationFailed,
                "amount_minor",
                "duplicate",
            ),
            (
                r#"{"amount_minor": 1, "metadata": {"order": 1}}"#,
                ValidationFailed,
                "metadata.order",
                "invalid",
            ),
            (
                r#"{"amount_minor": 1, "metadata": {}}"#,
                ValidationFailed,
                "metadata.order",
                "required",
            ),
            (
                r#"{"amount_minor": 1, "metadata": {"order": "a\u0000"}}"#,
                ValidationFailed,
                "metadata.order",
                "invalid",
            ),
            ("[]", ValidationFailed, "body", "invalid"),
            ("[1, null]", ValidationFailed, "body", "invalid"),
            ("{", MalformedJson, "", ""),
            ("", MalformedJson, "", ""),
        ];
        for (body, code, field, kind) in cases {
            assert_eq!(refused(body), (code, field.to_owned(), kind.to_owned()), "{body}");
        }
        assert_eq!(refused(&"[".repeat(65)).0, MalformedJson);
    }

    #[test]
    fn canonical_form_ignores_order_and_white_space() {
        let a = canonical(br#"{"b": [1, 2], "a": {"d": 1, "c": 2}}"#).unwrap();
        assert_eq!(a, canonical(br#"{"a":{"c":2,"d":1},"b":[1,2]}"#).unwrap());
        assert_ne!(a, canonical(br#"{"a":{"c":2,"d":1},"b":[2,1]}"#).unwrap());
    }
}
