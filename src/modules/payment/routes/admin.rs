//! What administrators do to payments.

use actix_web::{HttpResponse, get, post, web};

use super::super::{
    dto::{CreateRefund, Nothing, PaymentBody, RefundBody},
    service::{Act, PaymentService},
};
use crate::{
    kernel::{
        ids::{PaymentId, RefundId},
        problem::Problem,
    },
    modules::auth::api::Admin,
    platform::{
        audit::Author,
        http::{PathId, RequestId, ok},
        idempotency::{IdempotentRequest, answer},
    },
};

/// An administrator has the keys that they have as a user.
fn scope(Admin { user_id }: Admin) -> String {
    format!("user:{user_id}")
}

/// Capture a payment
///
/// Takes all the money that is set aside for it.
#[utoipa::path(
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment"), ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters", min_length = 1, max_length = 255, pattern = "^[\\x21-\\x7e]+$", example = "b7c1f0e2-5f5e-4e0a-9d53-1d1c7e3a8f10")),
    request_body(content = Option<Nothing>, description = "None, or `{}`", example = json!({})),
    responses((status = 200, description = "The payment", body = PaymentBody, headers(
        ("Idempotent-Replayed" = String, description = "`true` when this is the answer of an earlier request"),
    ))),
    extensions(("x-problems" = json!([
        "validation-failed", "unauthorized", "forbidden", "not-found", "idempotency-key-missing",
        "idempotency-key-invalid", "idempotency-key-reused", "idempotency-in-progress",
        "invalid-transition", "provider-unavailable"
    ]))),
    security(("bearer" = []))
)]
#[post("/payments/{id}/capture")]
pub async fn capture_payment(
    admin: Admin,
    id: PathId<PaymentId>,
    request: IdempotentRequest,
    request_id: RequestId,
    service: web::Data<PaymentService>,
) -> Result<HttpResponse, Problem> {
    let (Nothing {}, key) = request.parse(false)?;
    let author = Author::user(admin.user_id, request_id, None);
    answer(service.act(Act::Capture, &author, &key.scoped(scope(admin)), id.0).await?)
}

/// Cancel a payment
///
/// Makes sure, at the provider, that nothing is captured for it. Its pledge stays payable.
#[utoipa::path(
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment"), ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters", min_length = 1, max_length = 255, pattern = "^[\\x21-\\x7e]+$", example = "b7c1f0e2-5f5e-4e0a-9d53-1d1c7e3a8f10")),
    request_body(content = Option<Nothing>, description = "None, or `{}`", example = json!({})),
    responses((status = 200, description = "The payment", body = PaymentBody, headers(
        ("Idempotent-Replayed" = String, description = "`true` when this is the answer of an earlier request"),
    ))),
    extensions(("x-problems" = json!([
        "validation-failed", "unauthorized", "forbidden", "not-found", "idempotency-key-missing",
        "idempotency-key-invalid", "idempotency-key-reused", "idempotency-in-progress",
        "invalid-transition", "provider-unavailable"
    ]))),
    security(("bearer" = []))
)]
#[post("/payments/{id}/cancel")]
pub async fn cancel_payment(
    admin: Admin,
    id: PathId<PaymentId>,
    request: IdempotentRequest,
    request_id: RequestId,
    service: web::Data<PaymentService>,
) -> Result<HttpResponse, Problem> {
    let (Nothing {}, key) = request.parse(false)?;
    let author = Author::user(admin.user_id, request_id, None);
    answer(service.act(Act::Cancel, &author, &key.scoped(scope(admin)), id.0).await?)
}

/// Refund a payment
///
/// Gives back part or all of what is left of it, once for its key. The answer tells how far it has
/// got; the totals change when the provider says that it succeeded.
#[utoipa::path(
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment"), ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters", min_length = 1, max_length = 255, pattern = "^[\\x21-\\x7e]+$", example = "b7c1f0e2-5f5e-4e0a-9d53-1d1c7e3a8f10")),
    request_body = CreateRefund,
    responses((status = 202, description = "The refund", body = RefundBody, headers(
        ("Idempotent-Replayed" = String, description = "`true` when this is the answer of an earlier request"),
    ))),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "not-found", "idempotency-key-missing",
        "idempotency-key-invalid", "idempotency-key-reused", "idempotency-in-progress",
        "refund-exceeds-available", "amount-out-of-range", "provider-unavailable"
    ]))),
    security(("bearer" = []))
)]
#[post("/payments/{id}/refunds")]
pub async fn create_refund(
    admin: Admin,
    id: PathId<PaymentId>,
    request: IdempotentRequest,
    request_id: RequestId,
    service: web::Data<PaymentService>,
) -> Result<HttpResponse, Problem> {
    let (order, key) = request.parse::<CreateRefund>(false)?;
    let order = order.check()?;
    let key = key.scoped(scope(admin));
    let author = Author::user(admin.user_id, request_id, order.reason.as_deref());
    answer(service.refund(&author, &key, id.0, &order).await?)
}

/// Read a refund
///
/// How far it has got.
#[utoipa::path(
    tag = "payments",
    params(("id" = RefundId, Path, description = "The refund")),
    responses((status = 200, description = "The refund", body = RefundBody)),
    extensions(("x-problems" = json!([
        "validation-failed", "unauthorized", "forbidden", "not-found"
    ]))),
    security(("bearer" = []))
)]
#[get("/refunds/{id}")]
pub async fn get_refund(
    _admin: Admin,
    id: PathId<RefundId>,
    service: web::Data<PaymentService>,
) -> Result<HttpResponse, Problem> {
    Ok(ok(&RefundBody::from(service.find_refund(id.0).await?)))
}
