//! Reading a request's body within its limits.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::Payload,
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt;

use crate::kernel::problem::{Problem, ProblemCode};

/// The largest body that is read.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// How long a body may take to arrive: application data of the server, 30 s without it.
#[derive(Debug, Clone, Copy)]
pub struct ReadTimeout(pub Duration);

impl Default for ReadTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

/// The raw bytes of a body, at most [`MAX_BODY_BYTES`], read within [`ReadTimeout`].
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

/// A body that was refused before it had all been read. The server reads on, without an end, what a
/// dropped chunked body still brings; as long as this lives it closes the connection instead.
pub struct Unread(Payload);

impl Unread {
    pub fn new(payload: Payload) -> Self {
        Self(payload)
    }

    /// The response that refuses the body, holding on to the rest of it.
    pub fn beneath(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Refusal { body, _unread: self.0 })
    }
}

struct Refusal {
    body: BoxBody,
    _unread: Payload,
}

impl MessageBody for Refusal {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

impl FromRequest for RawBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut payload = payload.take();
        let request = request.clone();
        let ReadTimeout(patience) = request.app_data().copied().unwrap_or_default();
        let announced = request
            .headers()
            .get("content-length")
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse::<usize>().ok());
        Box::pin(async move {
            let outcome = if announced.is_some_and(|n| n > MAX_BODY_BYTES) {
                Err(too_large())
            } else {
                let late = Problem::new(ProblemCode::RequestTimeout, "the body did not arrive");
                tokio::time::timeout(patience, read(&mut payload)).await.unwrap_or(Err(late))
            };
            if outcome.is_err() {
                request.extensions_mut().insert(Unread(payload));
            }
            outcome.map(RawBody)
        })
    }
}

async fn read(payload: &mut Payload) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::new(ProblemCode::MalformedJson, format!("the body broke off: {error}"))
        })?;
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large() -> Problem {
    Problem::new(ProblemCode::PayloadTooLarge, format!("at most {MAX_BODY_BYTES} bytes"))
}
