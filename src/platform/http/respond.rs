//! Answers: JSON with the right headers, problems on their way to the edge.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde::Serialize;

use crate::kernel::problem::Problem;

/// 200 with a body.
pub fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// 201 with a body and where to find it again.
pub fn created(location: &str, body: &impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header(("location", location)).json(body)
}

/// The problem as a response without body; the edge renders it.
pub fn problem_response(problem: Problem) -> HttpResponse {
    let status =
        StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::new(status);
    response.extensions_mut().insert(problem);
    response
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        problem_response(self.clone())
    }
}
