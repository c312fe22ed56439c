//! Suspensions of campaigns.

use actix_web::{HttpRequest, post};

use super::{super::dto::Reason, Answer, Service, id, reasoned};
use crate::{
    kernel::ids::CampaignId,
    modules::{auth::api::Admin, campaign::api::admin::CampaignView},
    platform::http::{JsonBody, ok},
};

/// Suspend a campaign
///
/// It takes no gifts until it is unsuspended, whatever its owner does.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Reason, example = json!({ "reason": "under investigation" })),
    responses((status = 200, description = "The campaign as it is now", body = CampaignView)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "campaign-not-found"
    ])))
)]
#[post("/admin/campaigns/{id}/suspend")]
pub async fn suspend_campaign(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (id, author) = (id(&request).await?, reasoned(caller, &request, &body)?);
    Ok(ok(&service.suspend_campaign(&author, id, true).await?))
}

/// Let a campaign go on
///
/// It takes gifts again if it is active and within its dates.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Reason, example = json!({ "reason": "all is well" })),
    responses((status = 200, description = "The campaign as it is now", body = CampaignView)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "campaign-not-found"
    ])))
)]
#[post("/admin/campaigns/{id}/unsuspend")]
pub async fn unsuspend_campaign(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (id, author) = (id(&request).await?, reasoned(caller, &request, &body)?);
    Ok(ok(&service.suspend_campaign(&author, id, false).await?))
}
