//! The HTTP side of campaigns: reading and writing here, moving through life in [`lifecycle`].

mod lifecycle;

use actix_web::{
    HttpResponse, get,
    http::header::{ETAG, HeaderValue},
    patch, post,
    web::Data,
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    dto::{CampaignView, CreateCampaign, ListQuery, UpdateCampaign},
    service::CampaignService,
};
use crate::{
    kernel::{ids::CampaignId, page::Page, problem::Problem, version::etag},
    modules::auth::api::{Caller, SignedIn},
    platform::http::{IfMatchHeader, Json, PathId, Query, RequestId, created, ok},
};

type Answer = Result<HttpResponse, Problem>;
type Campaigns = Data<CampaignService>;

/// Mounts the routes under `/api/v1`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_campaign)
        .service(list_campaigns)
        .service(get_campaign)
        .service(update_campaign)
        .service(lifecycle::publish_campaign)
        .service(lifecycle::pause_campaign)
        .service(lifecycle::resume_campaign)
        .service(lifecycle::end_campaign)
        .service(lifecycle::cancel_campaign);
}

/// Start a campaign
///
/// It is a draft, known to its owner and to administrators only, until it is published.
#[utoipa::path(
    tag = "campaigns",
    security(("bearer" = [])),
    request_body(content = CreateCampaign, example = json!({
        "title": "Wells for Turkana",
        "description": "Clean water for twelve villages.",
        "goal_minor": 1_000_000,
        "currency": "USD",
        "category": "water"
    })),
    responses((
        status = 201, description = "The draft", body = CampaignView,
        headers(
            ("Location" = String, description = "Where the campaign is"),
            ("ETag" = String, description = "The version, quoted, for `If-Match`")
        )
    )),
    extensions(("x-problems" = json!(["unauthorized"])))
)]
#[post("/campaigns")]
pub async fn create_campaign(
    campaigns: Campaigns,
    caller: SignedIn,
    Json(body): Json<CreateCampaign>,
) -> Answer {
    let view = campaigns.create(caller.user_id, body.try_into()?).await?;
    Ok(with_tag(created(&format!("/api/v1/campaigns/{}", view.id), &view), &view))
}

/// List campaigns
///
/// Newest first unless told otherwise. Drafts are shown to their owner and to administrators only.
#[utoipa::path(
    tag = "campaigns",
    security((), ("bearer" = [])),
    params(ListQuery),
    responses((status = 200, description = "One page", body = Page<CampaignView>)),
    extensions(("x-problems" = json!(["validation-failed", "invalid-cursor", "unauthorized"])))
)]
#[get("/campaigns")]
pub async fn list_campaigns(
    campaigns: Campaigns,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Answer {
    let (selection, page) = query.read()?;
    Ok(ok(&campaigns.list(caller, selection, page).await?))
}

/// Read a campaign
///
/// With its totals as they are now; without credentials, and where a read replica serves visitors,
/// some seconds old at most. A draft exists for its owner and for administrators only.
#[utoipa::path(
    tag = "campaigns",
    security((), ("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    responses((
        status = 200, description = "The campaign", body = CampaignView,
        headers(("ETag" = String, description = "The version, quoted, for `If-Match`"))
    )),
    extensions(("x-problems" = json!(["validation-failed", "unauthorized", "campaign-not-found"])))
)]
#[get("/campaigns/{id}")]
pub async fn get_campaign(campaigns: Campaigns, caller: Caller, id: PathId<CampaignId>) -> Answer {
    Ok(tagged(&campaigns.get(caller, id.0).await?))
}

/// Change a campaign
///
/// For its owner and administrators. The currency is fixed once the campaign is published; goal,
/// dates and overfunding once it is ended or cancelled. A change that changes nothing leaves the
/// version as it is.
#[utoipa::path(
    tag = "campaigns",
    security(("bearer" = [])),
    params(
        ("id" = CampaignId, Path, description = "The campaign"),
        ("If-Match" = String, Header, description = "The `ETag` that was read, or `*`",
         example = "\"1\"")
    ),
    request_body(content = UpdateCampaign, example = json!({
        "goal_minor": 2_000_000,
        "category": null
    })),
    responses((
        status = 200, description = "The changed campaign", body = CampaignView,
        headers(("ETag" = String, description = "The new version, quoted"))
    )),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "campaign-not-found", "precondition-required",
        "version-conflict", "invalid-transition"
    ])))
)]
#[patch("/campaigns/{id}")]
pub async fn update_campaign(
    campaigns: Campaigns,
    caller: SignedIn,
    id: PathId<CampaignId>,
    if_match: IfMatchHeader,
    request: RequestId,
    Json(body): Json<UpdateCampaign>,
) -> Answer {
    let changes = body.try_into()?;
    let view = campaigns.update(caller.caller(), id.0, if_match.0, changes, request).await?;
    Ok(tagged(&view))
}

fn tagged(view: &CampaignView) -> HttpResponse {
    with_tag(ok(view), view)
}

fn with_tag(mut response: HttpResponse, view: &CampaignView) -> HttpResponse {
    if let Ok(tag) = HeaderValue::try_from(etag(view.version)) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
