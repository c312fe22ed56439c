//! Moving campaigns through their life.

use actix_web::post;

use super::{Answer, Campaigns, tagged};
use crate::{
    kernel::ids::CampaignId,
    modules::{
        auth::api::SignedIn,
        campaign::{
            dto::{CampaignView, NoBody},
            model::Action,
        },
    },
    platform::http::{OptionalJson, PathId, RequestId},
};

/// Publish a campaign
///
/// From draft to active: everybody may see it and give, from `starts_at` on.
#[utoipa::path(
    tag = "campaigns",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Option<NoBody>, description = "None, or `{}`", example = json!({})),
    responses((
        status = 200, description = "The campaign as it is now", body = CampaignView,
        headers(("ETag" = String, description = "The new version, quoted"))
    )),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "campaign-not-found", "invalid-transition"
    ])))
)]
#[post("/campaigns/{id}/publish")]
pub async fn publish_campaign(
    campaigns: Campaigns,
    caller: SignedIn,
    id: PathId<CampaignId>,
    request: RequestId,
    _: OptionalJson<Option<NoBody>>,
) -> Answer {
    Ok(tagged(&campaigns.act(caller.caller(), id.0, Action::Publish, request).await?))
}

/// Pause a campaign
///
/// From active to paused: no gifts are taken until it is resumed.
#[utoipa::path(
    tag = "campaigns",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Option<NoBody>, description = "None, or `{}`", example = json!({})),
    responses((
        status = 200, description = "The campaign as it is now", body = CampaignView,
        headers(("ETag" = String, description = "The new version, quoted"))
    )),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "campaign-not-found", "invalid-transition"
    ])))
)]
#[post("/campaigns/{id}/pause")]
pub async fn pause_campaign(
    campaigns: Campaigns,
    caller: SignedIn,
    id: PathId<CampaignId>,
    request: RequestId,
    _: OptionalJson<Option<NoBody>>,
) -> Answer {
    Ok(tagged(&campaigns.act(caller.caller(), id.0, Action::Pause, request).await?))
}

/// Resume a campaign
///
/// From paused to active.
#[utoipa::path(
    tag = "campaigns",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Option<NoBody>, description = "None, or `{}`", example = json!({})),
    responses((
        status = 200, description = "The campaign as it is now", body = CampaignView,
        headers(("ETag" = String, description = "The new version, quoted"))
    )),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "campaign-not-found", "invalid-transition"
    ])))
)]
#[post("/campaigns/{id}/resume")]
pub async fn resume_campaign(
    campaigns: Campaigns,
    caller: SignedIn,
    id: PathId<CampaignId>,
    request: RequestId,
    _: OptionalJson<Option<NoBody>>,
) -> Answer {
    Ok(tagged(&campaigns.act(caller.caller(), id.0, Action::Resume, request).await?))
}

/// End a campaign
///
/// From active or paused to ended, for good. What was given stays given.
#[utoipa::path(
    tag = "campaigns",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Option<NoBody>, description = "None, or `{}`", example = json!({})),
    responses((
        status = 200, description = "The campaign as it is now", body = CampaignView,
        headers(("ETag" = String, description = "The new version, quoted"))
    )),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "campaign-not-found", "invalid-transition"
    ])))
)]
#[post("/campaigns/{id}/end")]
pub async fn end_campaign(
    campaigns: Campaigns,
    caller: SignedIn,
    id: PathId<CampaignId>,
    request: RequestId,
    _: OptionalJson<Option<NoBody>>,
) -> Answer {
    Ok(tagged(&campaigns.act(caller.caller(), id.0, Action::End, request).await?))
}

/// Cancel a campaign
///
/// From draft, active or paused to cancelled, for good. Its unpaid pledges are cancelled with it.
#[utoipa::path(
    tag = "campaigns",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Option<NoBody>, description = "None, or `{}`", example = json!({})),
    responses((
        status = 200, description = "The campaign as it is now", body = CampaignView,
        headers(("ETag" = String, description = "The new version, quoted"))
    )),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "campaign-not-found", "invalid-transition"
    ])))
)]
#[post("/campaigns/{id}/cancel")]
pub async fn cancel_campaign(
    campaigns: Campaigns,
    caller: SignedIn,
    id: PathId<CampaignId>,
    request: RequestId,
    _: OptionalJson<Option<NoBody>>,
) -> Answer {
    Ok(tagged(&campaigns.act(caller.caller(), id.0, Action::Cancel, request).await?))
}
