//! What the server has to say where no route matches: 404, or 405 when only the method is wrong.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header::ALLOW, web};
use utoipa::openapi::OpenApi;

use super::respond::problem_response;
use crate::kernel::problem::{Problem, ProblemCode};

/// Every path of the document, with its methods, and the pages beside it.
pub struct KnownRoutes(BTreeMap<Vec<String>, Vec<&'static str>>);

impl KnownRoutes {
    pub fn of(document: &OpenApi, pages: &[&str]) -> Self {
        let pages = pages.iter().map(|path| (segments(path), vec!["GET", "HEAD"]));
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let methods = [
                ("GET", &item.get),
                ("HEAD", &item.get),
                ("POST", &item.post),
                ("PATCH", &item.patch),
                ("PUT", &item.put),
                ("DELETE", &item.delete),
            ];
            let methods = methods.into_iter().filter(|(_, operation)| operation.is_some());
            (segments(path), methods.map(|(name, _)| name).collect())
        });
        Self(paths.chain(pages).collect())
    }

    /// The methods of the path, if it is one of ours.
    fn methods(&self, path: &str) -> Option<Vec<&'static str>> {
        let path = segments(path);
        let mut methods: Vec<_> = self
            .0
            .iter()
            .filter(|(pattern, _)| matches(pattern, &path))
            .flat_map(|(_, methods)| methods.iter().copied())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        (!methods.is_empty()).then_some(methods)
    }
}

fn segments(path: &str) -> Vec<String> {
    path.strip_prefix('/').unwrap_or(path).split('/').map(str::to_owned).collect()
}

fn matches(pattern: &[String], path: &[String]) -> bool {
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(pattern, segment)| {
            pattern == segment || (pattern.starts_with('{') && !segment.is_empty())
        })
}

/// Answers what no route has matched.
pub async fn not_found(request: HttpRequest, known: web::Data<KnownRoutes>) -> HttpResponse {
    let Some(methods) = known.methods(request.path()) else {
        let detail = "there is nothing at this path; /docs shows what there is";
        return problem_response(Problem::new(ProblemCode::NotFound, detail));
    };
    let allowed = methods.join(", ");
    let detail = format!("this path takes {allowed}");
    let mut response = problem_response(Problem::new(ProblemCode::MethodNotAllowed, detail));
    if let Ok(value) = allowed.parse() {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}
