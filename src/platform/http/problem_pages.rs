//! `GET /problems/{code}`: what each problem means, for whoever follows a problem's `type`.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::problem::{Problem, ProblemCode};

/// The page of one problem code.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemPage {
    #[schema(example = "payment-declined")]
    code: &'static str,
    #[schema(example = 402)]
    status: u16,
    #[schema(example = "The payment was declined")]
    title: &'static str,
    /// What it means and what to do.
    #[schema(example = "The provider refused this payment method.")]
    explanation: &'static str,
}

/// Explain a problem code
///
/// The page that `type` of a problem leads to.
#[utoipa::path(
    tag = "operations",
    params(("code" = String, Path, description = "The code of a problem", example = "payment-declined")),
    responses((status = 200, description = "Its meaning", body = ProblemPage)),
    extensions(("x-problems" = json!(["not-found"])))
)]
#[get("/problems/{code}")]
pub async fn get_problem(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    let code: ProblemCode = code
        .parse()
        .map_err(|()| Problem::new(ProblemCode::NotFound, "there is no problem with this code"))?;
    Ok(HttpResponse::Ok().json(ProblemPage {
        code: code.as_str(),
        status: code.status(),
        title: code.title(),
        explanation: code.explanation(),
    }))
}
