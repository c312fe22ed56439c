//! The hottest read of the house.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
    web::Data,
};

use super::{
    dto::{Source, TotalsQuery, TotalsView},
    service::TotalsService,
    snapshot::Snapshot,
};
use crate::{
    kernel::{ids::CampaignId, problem::Problem, version},
    platform::http::{PathId, Query},
};

/// What a campaign has raised
///
/// Answered from memory and at most 3 s old, unless `realtime=true`; `as_of` tells. Browsers and
/// proxies may keep the answer for one more second; the realtime one they may not keep.
#[utoipa::path(
    tag = "totals",
    params(
        ("id" = CampaignId, Path, description = "The campaign"),
        TotalsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the totals you have", example = "\"12\"")
    ),
    responses(
        (status = 200, description = "Its totals", body = TotalsView, headers(
            ("ETag" = String, description = "The version, quoted"),
            ("Cache-Control" = String, description = "`public, max-age=1`, or `no-store` when realtime"))),
        (status = 304, description = "They are those you have")
    ),
    security(()),
    extensions(("x-problems" = json!(["validation-failed", "campaign-not-found"])))
)]
#[get("/campaigns/{id}/totals")]
pub async fn get_campaign_totals(
    request: HttpRequest,
    id: PathId<CampaignId>,
    query: Query<TotalsQuery>,
    service: Data<TotalsService>,
) -> Result<HttpResponse, Problem> {
    let answer = if query.0.realtime {
        service.read_realtime(id.0).await?
    } else {
        service.read(id.0).await?
    };
    let (snapshot, source) = answer.snapshot()?;
    Ok(respond(&request, snapshot, source, query.0.realtime))
}

fn respond(
    request: &HttpRequest,
    snapshot: &Snapshot,
    source: Source,
    realtime: bool,
) -> HttpResponse {
    let header = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let etag = snapshot.etag.to_str().unwrap_or_default();
    let known = header.is_some_and(|header| version::none_match(header, etag));
    let caching = if realtime { "no-store" } else { "public, max-age=1" };
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ETAG, snapshot.etag.clone()))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static(caching)));
    if known {
        return response.finish();
    }
    response
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .body(snapshot.body(source))
}
