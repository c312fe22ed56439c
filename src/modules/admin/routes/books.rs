//! The books: figures, comparison and repair, and the audit log.

use actix_web::{HttpRequest, get, post};

use super::{
    super::dto::{AuditQuery, AuditRecordBody, DashboardBody, RefreshBody, RefreshRequest},
    Answer, Service, author, query,
};
use crate::{
    kernel::page::Page,
    modules::auth::api::Admin,
    platform::{
        audit::Filter,
        http::{JsonBody, ok},
    },
};

/// Compare and mend the totals
///
/// Compares all books: ledger, payments, pledges, totals. Totals that are wrong are counted anew
/// while gifts go on. What payments and ledger say of each other is only reported. A request works
/// for some seconds; where that is not enough, `next_cursor` tells where the next one goes on.
#[utoipa::path(
    tag = "totals",
    security(("bearer" = [])),
    request_body(content = Option<RefreshRequest>, description = "None, or why, and where to go on", example = json!({ "reason": "a donor asked" })),
    responses((status = 200, description = "What was found and mended", body = RefreshBody)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[post("/totals/refresh")]
pub async fn refresh_totals(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (reason, from) = body.or_empty().parse::<RefreshRequest>()?.checked()?;
    let author = author(caller, &request, &reason);
    let (outcome, next) = service.refresh_totals(from, &author).await?;
    Ok(ok(&RefreshBody::new(&outcome, next)))
}

/// The figures of the day
///
/// From the read model: its cost does not depend on the number of gifts.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    responses((status = 200, description = "The figures", body = DashboardBody)),
    extensions(("x-problems" = json!(["unauthorized", "forbidden"])))
)]
#[get("/admin/dashboard")]
pub async fn get_dashboard(service: Service, _: Admin) -> Answer {
    Ok(ok(&DashboardBody::from(service.dashboard().await?)))
}

/// Read the audit log
///
/// What administrators did, and whoever has the command line (`actor_id` is `null`), newest first.
/// Each act has one row, of the transaction that carries it out; what is refused has none. Actions:
/// `user.role`, `user.suspend`, `user.unsuspend`; `campaign.suspend`, `campaign.unsuspend`,
/// `campaign.refund_all`; upon somebody else's campaign `campaign.update`, `campaign.publish`,
/// `campaign.pause`, `campaign.resume`, `campaign.end`, `campaign.cancel`; `payment.capture`,
/// `payment.cancel`, `payment.refund`, when they are asked for: what became of them is in the
/// payment's history; `webhook.replay`, `dead_letter.replay`; `totals.refresh`, and for what it
/// mends `totals.rebuild`, `campaigns.reconcile`, `pledges.reconcile`; on the command line
/// `user.create`, `signing_key.rotate`, `signing_key.revoke`. Where no reason was asked for or
/// given, it is `none given`.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(AuditQuery),
    responses((status = 200, description = "One page", body = Page<AuditRecordBody>)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[get("/admin/audit-log")]
pub async fn list_audit_log(service: Service, _: Admin, request: HttpRequest) -> Answer {
    let query: AuditQuery = query(&request).await?;
    let filter = Filter {
        actor_id: query.user_id.map(|user| user.0),
        target: query.campaign_id.map(|campaign| ("campaign", campaign.to_string())),
        period: query.period()?,
    };
    let page = service.audit_log(&filter, &query.page()?).await?;
    Ok(ok(&page.map(AuditRecordBody::from)))
}
