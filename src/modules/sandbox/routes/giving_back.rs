//! What goes back, at the bank's own counter: behind our back, as it were.

use actix_web::{HttpResponse, get, post, web};
use uuid::Uuid;

use super::{
    super::{
        dto::{
            BankDisputeView, BankPaymentView, BankRefundView, CloseDispute, GiveBack, OpenDispute,
        },
        service::RefundOrder,
    },
    Bank,
};
use crate::{
    kernel::{
        page::{Page, PageQuery},
        problem::Problem,
    },
    platform::http::{Json, Query, ok},
};

/// Refund at the bank
///
/// As somebody does at the provider's own dashboard: it carries no id of ours.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")),
    request_body = GiveBack,
    responses((status = 202, description = "The bank has decided", body = BankRefundView)),
    extensions(("x-problems" = json!([
        "not-found", "invalid-transition", "refund-exceeds-available"
    ])))
)]
#[post("/sandbox/payments/{provider_payment_id}/refunds")]
pub async fn refund_sandbox_payment(
    bank: Bank,
    id: web::Path<String>,
    Json(body): Json<GiveBack>,
) -> Result<HttpResponse, Problem> {
    let amount_minor = body.check()?;
    let order = RefundOrder { refund_id: None, amount_minor, idempotency_key: None };
    let refund = bank.refund(&id, order).await?;
    Ok(HttpResponse::Accepted().json(BankRefundView::from(refund)))
}

/// List the bank's refunds of a payment
///
/// Oldest first.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f"), PageQuery),
    responses((status = 200, description = "A page of refunds", body = Page<BankRefundView>)),
    extensions(("x-problems" = json!(["validation-failed", "invalid-cursor", "not-found"])))
)]
#[get("/sandbox/payments/{provider_payment_id}/refunds")]
pub async fn list_sandbox_refunds(
    bank: Bank,
    id: web::Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = query.parse::<Uuid>()?;
    let after = page.after.map(|id| format!("sbr_{}", id.simple())).unwrap_or_default();
    let refunds = bank.refunds(&id, &after, page.limit + 1).await?;
    let refunds: Vec<_> = refunds.into_iter().map(BankRefundView::from).collect();
    let key = |r: &BankRefundView| r.id.trim_start_matches("sbr_").parse::<Uuid>().ok();
    Ok(ok(&Page::new(refunds, page.limit, key)))
}

/// Dispute a payment
///
/// What the donor does at his bank: the money is withdrawn until the dispute is won. An inquiry
/// moves none.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")),
    request_body = OpenDispute,
    responses((status = 202, description = "The bank has noted it", body = BankDisputeView)),
    extensions(("x-problems" = json!(["not-found", "invalid-transition"])))
)]
#[post("/sandbox/payments/{provider_payment_id}/disputes")]
pub async fn open_sandbox_dispute(
    bank: Bank,
    id: web::Path<String>,
    Json(body): Json<OpenDispute>,
) -> Result<HttpResponse, Problem> {
    let (amount_minor, inquiry) = body.check()?;
    let dispute = bank.open_dispute(&id, amount_minor, inquiry).await?;
    Ok(HttpResponse::Accepted().json(BankDisputeView::from(dispute)))
}

/// Decide a dispute
///
/// Once: won returns the money to the merchant, lost does not. An inquiry can be won, which moves no
/// money, or escalated: it becomes a dispute, and the money is withdrawn.
#[utoipa::path(
    tag = "sandbox",
    params(("dispute_id" = String, Path, description = "The dispute, as the bank calls it", pattern = "^dp_[0-9a-f]{32}$", example = "dp_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")),
    request_body = CloseDispute,
    responses((status = 202, description = "The bank has decided", body = BankDisputeView)),
    extensions(("x-problems" = json!(["not-found", "invalid-transition"])))
)]
#[post("/sandbox/disputes/{dispute_id}/close")]
pub async fn close_sandbox_dispute(
    bank: Bank,
    id: web::Path<String>,
    Json(body): Json<CloseDispute>,
) -> Result<HttpResponse, Problem> {
    let dispute = bank.close_dispute(&id, body.outcome.into()).await?;
    Ok(HttpResponse::Accepted().json(BankDisputeView::from(dispute)))
}

/// End a hold
///
/// As if its 24 hours were over: the money set aside goes back to the donor.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")),
    responses((status = 202, description = "The hold has ended", body = BankPaymentView)),
    extensions(("x-problems" = json!(["not-found", "invalid-transition"])))
)]
#[post("/sandbox/payments/{provider_payment_id}/expire")]
pub async fn expire_sandbox_hold(
    bank: Bank,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(BankPaymentView::from(bank.expire(&id).await?)))
}
