//! Idempotency of requests: any request, repeated any number of times, concurrently, on any
//! replica, has one effect and one answer.
//!
//! Postgres is the truth: a key is claimed in the transaction of its effect. A row is unfinished,
//! with a lease of 30 s and a recovery point, or finished, with the response. Whoever finds an
//! expired lease takes the key over with a higher attempt number, and every later write of the
//! former owner is refused by that number (fencing). The replay cache only answers repetitions of
//! finished requests faster; a miss or an error of it falls through to Postgres.

mod bulk;
mod replay_cache;
mod request;
mod store;
mod worker;

use actix_web::{HttpResponse, http::StatusCode};

use crate::{
    kernel::problem::{Problem, ProblemCode},
    platform::http::OwnBody,
};

pub use bulk::{Held, claim_new, find_used, finish_many, free_many, insert_finished, lock_held};
pub use replay_cache::ReplayCache;
pub use request::{IdempotentRequest, UnscopedKey};
pub use store::{claim, find, finish, free, release, set_recovery_point};
pub use worker::reap;

/// Who asks for what, under which key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The caller: `user:<id>`, `pledge:<id>`, …
    pub scope: String,
    pub key: String,
    /// SHA-256 over method, path, sorted query and canonical body.
    pub fingerprint: [u8; 32],
}

impl IdempotencyKey {
    /// Scope and key.
    pub fn name(&self) -> (String, String) {
        (self.scope.clone(), self.key.clone())
    }
}

/// An answer that is given again to every repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    pub status: u16,
    /// JSON.
    pub body: String,
}

/// What a key is worth right now.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// It is ours: execute, from the recovery point of a former attempt if there is one. No two
    /// attempts have the same number, also not if the key was freed in between.
    Execute { attempt: i32, new: bool, recovery_point: Option<serde_json::Value> },
    /// Done before: give this answer again.
    Replay(StoredResponse),
    /// The key belongs to another request.
    Reused,
    /// The same request is being executed.
    InProgress,
}

/// A claim that does not lead to execution, as an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    Replay(StoredResponse),
    Reused,
    InProgress,
}

impl Claim {
    /// The attempt to execute, or the answer to give instead.
    pub fn into_execution(self) -> Result<(i32, Option<serde_json::Value>), Refusal> {
        let (outcome, result) = match self {
            Self::Execute { attempt, new, recovery_point } => {
                let outcome = if new { "new" } else { "taken_over" };
                (outcome, Ok((attempt, recovery_point)))
            }
            Self::Replay(response) => ("replayed", Err(Refusal::Replay(response))),
            Self::Reused => ("reused", Err(Refusal::Reused)),
            Self::InProgress => ("in_progress", Err(Refusal::InProgress)),
        };
        count(outcome, 1);
        result
    }
}

/// Counts requests by how their key was found.
pub fn count(outcome: &'static str, requests: u64) {
    metrics::counter!("idempotency_requests_total", "outcome" => outcome).increment(requests);
}

impl Refusal {
    /// The stored response.
    ///
    /// # Errors
    /// `idempotency-key-reused` or `idempotency-in-progress`.
    pub fn into_replay(self) -> Result<StoredResponse, Problem> {
        match self {
            Self::Replay(response) => Ok(response),
            Self::Reused => Err(Problem::new(
                ProblemCode::IdempotencyKeyReused,
                "this key was used for another request; use a fresh one",
            )),
            Self::InProgress => Err(Problem::new(
                ProblemCode::IdempotencyInProgress,
                "a request with this key is being executed",
            )),
        }
    }
}

/// The answer over HTTP to a request that was carried out, now or before, or refused for its key.
pub fn answer(outcome: Result<StoredResponse, Refusal>) -> Result<HttpResponse, Problem> {
    Ok(match outcome {
        Ok(stored) => stored.respond(false),
        Err(refusal) => refusal.into_replay()?.respond(true),
    })
}

impl StoredResponse {
    /// The answer over HTTP; a repetition says that it is one.
    pub fn respond(self, replayed: bool) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = HttpResponse::build(status);
        if replayed {
            response.insert_header(("idempotent-replayed", "true"));
        }
        if self.status < 400 {
            return response.content_type("application/json").body(self.body);
        }
        let mut response = response.content_type("application/problem+json").body(self.body);
        response.extensions_mut().insert(OwnBody);
        response
    }

    /// A text member of the body.
    pub fn member(&self, name: &str) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        body.get(name)?.as_str().map(str::to_owned)
    }
}
