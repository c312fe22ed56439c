//! Refunds of a whole campaign.

use actix_web::{HttpRequest, HttpResponse, get, post};

use super::{
    super::dto::{Reason, RefundRunBody},
    Answer, Service, id, reasoned,
};
use crate::{
    kernel::ids::CampaignId,
    modules::auth::api::Admin,
    platform::http::{JsonBody, ok},
};

/// Refund all gifts of a campaign
///
/// Of a cancelled one. What each gift still holds goes back, but for what is disputed; it is
/// carried out in the background. Done again, it refunds what has been left; while it is under way,
/// nothing more.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    request_body(content = Reason, example = json!({ "reason": "the wells cannot be dug" })),
    responses((status = 202, description = "How far it has got", body = RefundRunBody)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "campaign-not-found",
        "invalid-transition"
    ])))
)]
#[post("/admin/campaigns/{id}/refund-all")]
pub async fn refund_campaign(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (id, author) = (id(&request).await?, reasoned(caller, &request, &body)?);
    let begun = service.refund_campaign(caller.user_id, &author, id).await?;
    Ok(HttpResponse::Accepted().json(RefundRunBody::from(begun)))
}

/// Read how far the refunds of a campaign have got
///
/// Of the newest act; the counts are of all of them.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = CampaignId, Path, description = "The campaign")),
    responses((status = 200, description = "How far it has got", body = RefundRunBody)),
    extensions(("x-problems" = json!([
        "validation-failed", "unauthorized", "forbidden", "not-found"
    ])))
)]
#[get("/admin/campaigns/{id}/refund-all")]
pub async fn get_campaign_refunds(
    service: Service,
    _caller: Admin,
    request: HttpRequest,
) -> Answer {
    let found = service.campaign_refunds(id(&request).await?).await?;
    Ok(ok(&RefundRunBody::from(found)))
}
