//! HTTP manners, the same for every route: bodies and their limits, rate limits, origins, problems,
//! request ids, headers, metrics, one log line per request; and the server of connections itself.
//!
//! A handler returns `Result<HttpResponse, Problem>`. A problem travels in the response's
//! extensions up to [`edge`], the one middleware, which gives it its body; so errors that the
//! framework makes itself end in the same form.

mod body;
mod client_address;
mod cors;
mod departure;
mod edge;
mod health;
mod json;
mod limits;
mod observe;
mod openapi;
mod params;
mod problem_pages;
mod respond;
mod routes;
mod serve;
mod validate;

pub use body::{MAX_BODY_BYTES, RawBody, ReadTimeout};
pub use client_address::{ClientAddress, TrustedProxies};
pub use cors::{Origins, cors};
pub use edge::{OwnBody, RequestId, edge};
pub use health::{Health, Readiness, configure_health};
pub use json::{Json, JsonBody, OptionalJson, canonical};
pub use limits::{KeyHolder, Limits, limit};
pub use openapi::{ProblemSchema, describe_problems, name_page_items};
pub use params::{IfMatchHeader, PathId, Query};
pub use problem_pages::get_problem;
pub use respond::{created, ok, problem_response};
pub use routes::{KnownRoutes, not_found};
pub use serve::{Serving, serve};
pub use validate::{Checks, text};
