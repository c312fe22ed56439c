//! A few lines of HTTP: JSON out, JSON in, and the status to compare.

use std::{fmt::Display, time::Duration};

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

#[derive(Debug)]
pub struct Request {
    builder: reqwest::RequestBuilder,
    line: String,
}

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    /// `Null` for an empty body, a string for one that is not JSON.
    pub body: Value,
    /// What was asked, for messages.
    line: String,
}

impl Client {
    pub fn new(base: impl Into<String>) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { http, base: base.into() }
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }

    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// `path` begins with a slash.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let line = format!("{method} {path}");
        Request { builder: self.http.request(method, format!("{}{path}", self.base)), line }
    }
}

impl Request {
    pub fn bearer(self, token: impl Display) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub fn idempotency_key(self, key: impl Display) -> Self {
        self.header("idempotency-key", key)
    }

    /// The version that a change is based on.
    pub fn if_match(self, version: impl Display) -> Self {
        self.header("if-match", format!("\"{version}\""))
    }

    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        self.builder = self.builder.header(name, value.to_string());
        self
    }

    pub fn json(mut self, body: impl serde::Serialize) -> Self {
        self.builder = self.builder.json(&body);
        self
    }

    /// A body that need not be JSON, although it says so.
    pub fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.builder = self.builder.header("content-type", "application/json").body(body.into());
        self
    }

    /// A body of whatever kind the headers say.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.builder = self.builder.body(body.into());
        self
    }

    pub async fn send(self) -> Response {
        let line = self.line.clone();
        self.try_send().await.unwrap_or_else(|error| panic!("{line}: {error:?}"))
    }

    /// For servers that may be gone.
    pub async fn try_send(self) -> reqwest::Result<Response> {
        let response = self.builder.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = match text.as_str() {
            "" => Value::Null,
            _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        };
        Ok(Response { status, headers, body, line: self.line })
    }
}

impl Response {
    /// Fails the test, showing the body, unless the status is this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {:#}", self.line, self.body);
        self
    }

    /// A problem of this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let response = self.expect(status);
        assert_eq!(response.body["code"], code, "{}: {:#}", response.line, response.body);
        response
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A string field that must be there.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        let value = self.body[field].as_str();
        value.unwrap_or_else(|| panic!("{}: no {field} in {:#}", self.line, self.body)).to_owned()
    }
}
