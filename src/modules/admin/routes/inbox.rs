//! Webhooks and dead letters: what could not be applied, why, and having it judged again.

use actix_web::{HttpRequest, get, post};

use super::{
    super::dto::{
        DeadLetterBody, LettersQuery, Reason, ReplayedBody, WebhookEventBody, WebhookState,
        WebhooksQuery, sane,
    },
    Answer, Service, id, query, reasoned,
};
use crate::{
    kernel::page::Page,
    modules::{auth::api::Admin, payment::api::admin::WebhookFilter},
    platform::http::{JsonBody, ok},
};

/// List webhooks
///
/// Newest first, with what became of them, and why.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(WebhooksQuery),
    responses((status = 200, description = "One page", body = Page<WebhookEventBody>)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[get("/admin/webhook-events")]
pub async fn list_webhook_events(service: Service, _: Admin, request: HttpRequest) -> Answer {
    let query: WebhooksQuery = query(&request).await?;
    let status = query.status.map(WebhookState::as_str);
    let filter = WebhookFilter { status, period: query.period()? };
    let page = service.webhooks(&filter, &sane(query.page()?)?).await?;
    Ok(ok(&page.map(WebhookEventBody::from)))
}

/// Have a webhook judged again
///
/// One that is deferred, quarantined or dead is due at once, and judged as if it had just come. Until
/// it has been it is `deferred`, for the reason `replayed`.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The webhook")),
    request_body(content = Reason, example = json!({ "reason": "the currency was mended" })),
    responses((status = 200, description = "The webhook as it is now", body = WebhookEventBody)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "not-found", "invalid-transition"
    ])))
)]
#[post("/admin/webhook-events/{id}/replay")]
pub async fn replay_webhook_event(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (id, author) = (id(&request).await?, reasoned(caller, &request, &body)?);
    Ok(ok(&WebhookEventBody::from(service.replay_webhook(&author, id).await?)))
}

/// List dead letters
///
/// Events that a consumer could not apply, and those that wait behind them, newest first.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(LettersQuery),
    responses((status = 200, description = "One page", body = Page<DeadLetterBody>)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[get("/admin/dead-letters")]
pub async fn list_dead_letters(service: Service, _: Admin, request: HttpRequest) -> Answer {
    let query: LettersQuery = query(&request).await?;
    let page = service.letters(query.period()?, &query.page()?).await?;
    Ok(ok(&page.map(DeadLetterBody::from)))
}

/// Replay a dead letter
///
/// With all others of its consumer about the same thing, in their order.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The dead letter")),
    request_body(content = Reason, example = json!({ "reason": "the campaign has its totals again" })),
    responses((status = 200, description = "What was requeued", body = ReplayedBody)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "not-found"
    ])))
)]
#[post("/admin/dead-letters/{id}/replay")]
pub async fn replay_dead_letter(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (id, author) = (id(&request).await?, reasoned(caller, &request, &body)?);
    Ok(ok(&ReplayedBody::from(service.replay_letter(&author, id).await?)))
}
