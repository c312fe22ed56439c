//! Reading a request's body within its limits.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
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

impl FromRequest for RawBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        let ReadTimeout(patience) = request.app_data().copied().unwrap_or_default();
        let announced = request
            .headers()
            .get("content-length")
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse::<usize>().ok());
        Box::pin(async move {
            if announced.is_some_and(|n| n > MAX_BODY_BYTES) {
                return Err(too_large());
            }
            let late = Problem::new(ProblemCode::RequestTimeout, "the body did not arrive in time");
            tokio::time::timeout(patience, read(payload)).await.map_err(|_| late)?.map(RawBody)
        })
    }
}

async fn read(mut payload: Payload) -> Result<Bytes, Problem> {
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
