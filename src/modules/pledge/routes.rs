//! Pledges over HTTP.

use actix_web::{HttpResponse, get, http::header::LOCATION, post, web};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    dto::{
        CreatePledge, CreatedPledge, DonationBody, GiftBody, PledgeBody, Promise, donations_page,
    },
    service::{PledgeService, View},
};
use crate::{
    kernel::{
        ids::{CampaignId, PledgeId},
        page::{Page, PageQuery},
        problem::Problem,
        version::etag,
    },
    modules::auth::api::{Caller, HistoryReader},
    platform::{
        http::{PathId, Query, ok},
        idempotency::{self, IdempotentRequest},
    },
};

/// Mounts the routes under `/api/v1`.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(create_pledge)
        .service(get_pledge)
        .service(cancel_pledge)
        .service(list_my_pledges)
        .service(list_donations);
}

/// Promise a gift
///
/// Guests name their `donor_email` and get a `guest_token`; signed-in donors give as themselves. With
/// an API key the gift is its user's, who may name another `donor_email`.
/// Two different keys are two gifts; the same key is the same gift, however often it is sent.
#[utoipa::path(
    tag = "pledges",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters; a guest's at least 16", min_length = 1, max_length = 255, pattern = "^[\\x21-\\x7e]+$", example = "b7c1f0e2-5f5e-4e0a-9d53-1d1c7e3a8f10")),
    request_body = CreatePledge,
    responses((status = 201, description = "The pledge", body = CreatedPledge, headers(
        ("Location" = String, description = "Where it can be read"),
        ("Idempotent-Replayed" = String, description = "`true` when this is the answer of an earlier request"),
    ))),
    extensions(("x-problems" = json!([
        "unauthorized", "idempotency-key-missing", "idempotency-key-invalid", "idempotency-key-reused",
        "idempotency-in-progress", "campaign-not-found", "campaign-not-accepting",
        "currency-mismatch", "amount-out-of-range", "goal-exceeded", "forbidden"
    ]))),
    security((), ("bearer" = []))
)]
#[post("/pledges")]
pub async fn create_pledge(
    caller: Caller,
    request: IdempotentRequest,
    service: web::Data<PledgeService>,
) -> Result<HttpResponse, Problem> {
    let user = caller.user_id();
    let (dto, key) = request.parse::<CreatePledge>(user.is_none())?;
    let promise = Promise::try_from(dto)?;
    let donor = service.donor(caller, promise.donor_email.as_ref()).await?;
    let own = user.and_then(|_| caller.scope());
    let scope = own.unwrap_or_else(|| format!("guest:{}", donor.as_str()));
    let created = service.create(key.scoped(scope), promise, &donor, user).await?;
    let answer = match created {
        Ok(answer) => answer,
        Err(refusal) => return Ok(refusal.into_replay()?.respond(true)),
    };
    let mut response = answer.response.respond(answer.replayed);
    if let Ok(location) = format!("/api/v1/pledges/{}", answer.id).parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Read a pledge
///
/// For its donor, the campaign's owner and administrators; it does not exist for others.
#[utoipa::path(
    tag = "pledges",
    params(("id" = PledgeId, Path, description = "The pledge")),
    responses((status = 200, description = "The pledge", body = PledgeBody, headers(
        ("ETag" = String, description = "Its version"),
    ))),
    extensions(("x-problems" = json!(["validation-failed", "unauthorized", "not-found"]))),
    security((), ("bearer" = []))
)]
#[get("/pledges/{id}")]
pub async fn get_pledge(
    caller: Caller,
    id: PathId<PledgeId>,
    service: web::Data<PledgeService>,
) -> Result<HttpResponse, Problem> {
    let (pledge, view) = service.get(caller, id.0).await?;
    let body = PledgeBody::new(&pledge, view == View::Whole);
    Ok(HttpResponse::Ok().insert_header(("etag", etag(pledge.version))).json(body))
}

/// List my gifts
///
/// Newest first: those of the account, and those made with its address as a guest once the address
/// is proven. With the token of a magic link: those made with the mailed address as a guest.
#[utoipa::path(
    tag = "pledges",
    params(PageQuery),
    responses((status = 200, description = "One page", body = Page<GiftBody>)),
    extensions(("x-problems" = json!(["validation-failed", "invalid-cursor", "unauthorized"]))),
    security(("bearer" = []))
)]
#[get("/me/pledges")]
pub async fn list_my_pledges(
    reader: HistoryReader,
    Query(query): Query<PageQuery>,
    service: web::Data<PledgeService>,
) -> Result<HttpResponse, Problem> {
    let gifts = service.history(reader, &query.parse()?).await?;
    Ok(ok(&gifts.map(|gift| GiftBody::new(&gift))))
}

/// List a campaign's donations
///
/// The gifts for which money was captured, the last captured first, also those that were refunded
/// since. Anonymous gifts are listed without a name. A draft exists for its owner and for
/// administrators only.
#[utoipa::path(
    tag = "campaigns",
    params(("id" = CampaignId, Path, description = "The campaign"), PageQuery),
    responses((status = 200, description = "One page", body = Page<DonationBody>)),
    extensions(("x-problems" = json!([
        "validation-failed", "invalid-cursor", "unauthorized", "campaign-not-found"
    ]))),
    security((), ("bearer" = []))
)]
#[get("/campaigns/{id}/donations")]
pub async fn list_donations(
    caller: Caller,
    id: PathId<CampaignId>,
    Query(query): Query<PageQuery>,
    service: web::Data<PledgeService>,
) -> Result<HttpResponse, Problem> {
    let page = donations_page(&query)?;
    Ok(ok(&service.donations(caller, id.0, &page).await?.map(DonationBody::from)))
}

/// A request without members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub struct Empty {}

/// Cancel a pledge
///
/// Possible until money was captured for it. A payment under way is cancelled at the provider.
#[utoipa::path(
    tag = "pledges",
    params(
        ("id" = PledgeId, Path, description = "The pledge"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters; a guest's at least 16", min_length = 1, max_length = 255, pattern = "^[\\x21-\\x7e]+$", example = "b7c1f0e2-5f5e-4e0a-9d53-1d1c7e3a8f10"),
    ),
    request_body = Option<Empty>,
    responses((status = 200, description = "The cancelled pledge", body = PledgeBody, headers(
        ("Idempotent-Replayed" = String, description = "`true` when this is the answer of an earlier request"),
    ))),
    extensions(("x-problems" = json!([
        "unauthorized", "not-found", "idempotency-key-missing", "idempotency-key-invalid",
        "idempotency-key-reused", "idempotency-in-progress", "pledge-not-cancellable"
    ]))),
    security(("bearer" = []))
)]
#[post("/pledges/{id}/cancel")]
pub async fn cancel_pledge(
    caller: Caller,
    id: PathId<PledgeId>,
    request: IdempotentRequest,
    service: web::Data<PledgeService>,
) -> Result<HttpResponse, Problem> {
    let scope = caller.required_scope()?;
    let (Empty {}, key) = request.parse(caller.user_id().is_none())?;
    idempotency::answer(service.cancel(caller, &key.scoped(scope), id.0).await?)
}
