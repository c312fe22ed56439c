//! Payments over HTTP.

mod admin;

use actix_web::{HttpResponse, get, http::header::LOCATION, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    api::Provider,
    dto::{CreatePayment, HistoryEntry, PaymentBody},
    service::PaymentService,
    webhook_route::receive_webhook,
};
use crate::{
    kernel::{
        ids::PaymentId,
        page::{Page, PageQuery},
        problem::Problem,
        version::etag,
    },
    modules::auth::api::Caller,
    platform::{
        http::{Limits, PathId, Query, ok},
        idempotency::IdempotentRequest,
        rate_limit::{Class, Key},
    },
};

/// Mounts the routes under `/api/v1`.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(create_payment)
        .service(get_payment)
        .service(list_payment_history)
        .service(admin::capture_payment)
        .service(admin::cancel_payment)
        .service(admin::create_refund)
        .service(admin::get_refund)
        .service(receive_webhook);
}

/// Pay for a pledge
///
/// Makes a payment at the provider, once for its key. With `payment_method` it is confirmed at
/// once; what becomes of it is told by webhooks, so that the answer says `pending` all the same.
#[utoipa::path(
    tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters; a guest's at least 16", min_length = 1, max_length = 255, pattern = "^[\\x21-\\x7e]+$", example = "b7c1f0e2-5f5e-4e0a-9d53-1d1c7e3a8f10")),
    request_body = CreatePayment,
    responses((status = 201, description = "The payment", body = PaymentBody, headers(
        ("Location" = String, description = "Where it can be read"),
        ("Idempotent-Replayed" = String, description = "`true` when this is the answer of an earlier request"),
    ))),
    extensions(("x-problems" = json!([
        "unauthorized", "not-found", "idempotency-key-missing", "idempotency-key-invalid",
        "idempotency-key-reused", "idempotency-in-progress", "payment-declined",
        "payment-already-active", "pledge-not-payable", "amount-out-of-range",
        "provider-unavailable"
    ]))),
    security(("bearer" = []))
)]
#[post("/payments")]
pub async fn create_payment(
    caller: Caller,
    limits: Limits,
    request: IdempotentRequest,
    service: web::Data<PaymentService>,
) -> Result<HttpResponse, Problem> {
    let scope = caller.required_scope()?;
    let (order, key) = request.parse::<CreatePayment>(caller.user_id().is_none())?;
    let provider = service.providers().choose(order.provider.as_deref());
    spend(&limits, caller, provider, order.payment_method.as_deref()).await?;
    let (stored, replayed) = match service.create(caller, &key.scoped(scope), &order).await? {
        Ok(stored) => (stored, false),
        Err(refusal) => (refusal.into_replay()?, true),
    };
    let id = stored.member("id");
    let mut response = stored.respond(replayed);
    if let Some(location) = id.and_then(|id| format!("/api/v1/payments/{id}").parse().ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Whoever tries out stolen cards makes many payments: from one address, or with one card from
/// everywhere. Repetitions count too. A program with an API key pays for many people, so that it is
/// counted with all programs of its user instead, wherever they are and however many keys they have.
async fn spend(
    limits: &Limits,
    caller: Caller,
    provider: Option<&dyn Provider>,
    method: Option<&str>,
) -> Result<(), Problem> {
    match caller {
        Caller::Key { user_id, .. } => {
            limits.spend(Key::id(Class::PaymentsOfUser, user_id.0)).await?;
        }
        _ => limits.address(Class::PaymentsOfAddress).await?,
    }
    let Some((provider, method)) = provider.zip(method) else { return Ok(()) };
    match provider.source(method) {
        Some(source) => {
            limits.spend(Key::words(Class::PaymentsOfSource, &[provider.name(), source])).await
        }
        None => Ok(()),
    }
}

/// Read a payment
///
/// For its donor, the campaign's owner and administrators; it does not exist for others.
#[utoipa::path(
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment")),
    responses((status = 200, description = "The payment", body = PaymentBody, headers(
        ("ETag" = String, description = "Its version"),
    ))),
    extensions(("x-problems" = json!(["validation-failed", "unauthorized", "not-found"]))),
    security((), ("bearer" = []))
)]
#[get("/payments/{id}")]
pub async fn get_payment(
    caller: Caller,
    id: PathId<PaymentId>,
    service: web::Data<PaymentService>,
) -> Result<HttpResponse, Problem> {
    let (payment, donor) = service.get(caller, id.0).await?;
    let tag = etag(payment.version);
    Ok(HttpResponse::Ok().insert_header(("etag", tag)).json(PaymentBody::new(payment, donor)))
}

/// Read a payment's history
///
/// Every decision about it, oldest first, also those that changed nothing.
#[utoipa::path(
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment"), PageQuery),
    responses((status = 200, description = "A page of decisions", body = Page<HistoryEntry>)),
    extensions(("x-problems" = json!([
        "validation-failed", "invalid-cursor", "unauthorized", "not-found"
    ]))),
    security((), ("bearer" = []))
)]
#[get("/payments/{id}/history")]
pub async fn list_payment_history(
    caller: Caller,
    id: PathId<PaymentId>,
    page: Query<PageQuery>,
    service: web::Data<PaymentService>,
) -> Result<HttpResponse, Problem> {
    let page = service.history(caller, id.0, page.0.parse()?).await?;
    Ok(ok(&page.map(HistoryEntry::from)))
}
