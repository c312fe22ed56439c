//! The bank's counter. Public, and mounted only where the sandbox is enabled.

mod giving_back;

use actix_web::{HttpResponse, get, post, web};
use uuid::Uuid;

use super::{
    dto::{
        AccountView, BankPaymentView, BankPaymentsQuery, ConfirmPayment, DeliveryView, FaultView,
        OpenAccount, PlanFault, Redeliver, Redelivered, TransactionView,
    },
    service::SandboxBank,
};
use crate::{
    kernel::{
        ids::PaymentId,
        page::{Page, PageQuery},
        problem::Problem,
    },
    platform::http::{Json, Query, created, ok},
};

pub use giving_back::{
    close_sandbox_dispute, expire_sandbox_hold, list_sandbox_refunds, open_sandbox_dispute,
    refund_sandbox_payment,
};

type Bank = web::Data<SandboxBank>;

/// Open a bank account
///
/// With play money, to pay from as `account:<account_number>`.
#[utoipa::path(
    tag = "sandbox",
    request_body = OpenAccount,
    responses((status = 201, description = "The account", body = AccountView,
        headers(("Location" = String, description = "Where to find it again"))))
)]
#[post("/sandbox/accounts")]
pub async fn open_sandbox_account(
    bank: Bank,
    Json(body): Json<OpenAccount>,
) -> Result<HttpResponse, Problem> {
    let (owner_name, deposit) = body.check()?;
    let account = bank.open_account(&owner_name, deposit).await?;
    let location = format!("/api/v1/sandbox/accounts/{}", account.account_number);
    Ok(created(&location, &AccountView::from(account)))
}

/// Read a bank account
///
/// What can be spent, and what is set aside.
#[utoipa::path(
    tag = "sandbox",
    params(("account_number" = String, Path, description = "The account", pattern = "^[0-9]{12}$", example = "004915222021")),
    responses((status = 200, description = "The account", body = AccountView)),
    extensions(("x-problems" = json!(["not-found"])))
)]
#[get("/sandbox/accounts/{account_number}")]
pub async fn get_sandbox_account(
    bank: Bank,
    number: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Ok(ok(&AccountView::from(bank.account(&number).await?)))
}

/// List an account's transactions
///
/// Oldest first.
#[utoipa::path(
    tag = "sandbox",
    params(("account_number" = String, Path, description = "The account", pattern = "^[0-9]{12}$", example = "004915222021"), PageQuery),
    responses((status = 200, description = "A page of the statement", body = Page<TransactionView>)),
    extensions(("x-problems" = json!(["not-found", "validation-failed", "invalid-cursor"])))
)]
#[get("/sandbox/accounts/{account_number}/transactions")]
pub async fn list_sandbox_account_transactions(
    bank: Bank,
    number: web::Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = query.parse::<i64>()?;
    let lines = bank.transactions(&number, page.after.unwrap_or(0), page.limit + 1).await?;
    let lines: Vec<_> = lines.into_iter().map(TransactionView::from).collect();
    Ok(ok(&Page::new(lines, page.limit, |line| line.id)))
}

/// Pay at the bank
///
/// What the donor does at the provider. When this answers, the bank has committed; its webhooks
/// follow. A decline is answered 202 too: it is said by webhook.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")),
    request_body = ConfirmPayment,
    responses((status = 202, description = "The bank has decided", body = BankPaymentView)),
    extensions(("x-problems" = json!(["not-found", "invalid-transition", "currency-mismatch"])))
)]
#[post("/sandbox/payments/{provider_payment_id}/confirm")]
pub async fn confirm_sandbox_payment(
    bank: Bank,
    id: web::Path<String>,
    Json(body): Json<ConfirmPayment>,
) -> Result<HttpResponse, Problem> {
    let payment = bank.confirm(&id, &body.check()?).await?;
    Ok(HttpResponse::Accepted().json(BankPaymentView::from(payment)))
}

/// Read a payment as the bank sees it
///
/// Also when none of its webhooks has arrived.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")),
    responses((status = 200, description = "The payment", body = BankPaymentView)),
    extensions(("x-problems" = json!(["not-found"])))
)]
#[get("/sandbox/payments/{provider_payment_id}")]
pub async fn get_sandbox_payment(
    bank: Bank,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Ok(ok(&BankPaymentView::from(bank.retrieve(&id).await?)))
}

/// List the bank's payments that carry an id of ours
///
/// Oldest first. There should never be two that were captured.
#[utoipa::path(
    tag = "sandbox",
    params(BankPaymentsQuery),
    responses((status = 200, description = "A page of payments", body = Page<BankPaymentView>)),
    extensions(("x-problems" = json!(["validation-failed", "invalid-cursor"])))
)]
#[get("/sandbox/payments")]
pub async fn list_sandbox_payments(
    bank: Bank,
    Query(query): Query<BankPaymentsQuery>,
) -> Result<HttpResponse, Problem> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor }.parse::<Uuid>()?;
    let after = page.after.map(|id| format!("sbx_{}", id.simple())).unwrap_or_default();
    let payments = bank.find(PaymentId(query.payment_id), &after, page.limit + 1).await?;
    let payments: Vec<_> = payments.into_iter().map(BankPaymentView::from).collect();
    let key = |p: &BankPaymentView| p.id.trim_start_matches("sbx_").parse::<Uuid>().ok();
    Ok(ok(&Page::new(payments, page.limit, key)))
}

/// Plan a fault
///
/// Development only. The next `times` calls of our payment module to the bank go wrong in this way,
/// on whichever replica they are made.
#[utoipa::path(
    tag = "sandbox",
    request_body = PlanFault,
    responses((status = 201, description = "The fault is planned", body = FaultView))
)]
#[post("/sandbox/faults")]
pub async fn plan_sandbox_fault(
    bank: Bank,
    Json(body): Json<PlanFault>,
) -> Result<HttpResponse, Problem> {
    let fault = body.check()?;
    let id = bank.plan_fault(fault).await?;
    Ok(HttpResponse::Created().json(FaultView::new(id, fault)))
}

/// List what the bank has said about a payment
///
/// Its events, oldest first, and whether they have been acknowledged.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f"), PageQuery),
    responses((status = 200, description = "A page of events", body = Page<DeliveryView>)),
    extensions(("x-problems" = json!(["validation-failed", "invalid-cursor", "not-found"])))
)]
#[get("/sandbox/payments/{provider_payment_id}/events")]
pub async fn list_sandbox_payment_events(
    bank: Bank,
    id: web::Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = query.parse::<i64>()?;
    let events = bank.events(&id, page.after.unwrap_or(0), page.limit + 1).await?;
    Ok(ok(&Page::new(events, page.limit, |event| event.seq).map(DeliveryView::from)))
}

/// Send all webhooks of a payment again
///
/// As a provider in a storm does: each event so many times at once.
#[utoipa::path(
    tag = "sandbox",
    params(("provider_payment_id" = String, Path, description = "The payment, as the bank calls it", pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")),
    request_body = Redeliver,
    responses((status = 202, description = "They are on their way", body = Redelivered)),
    extensions(("x-problems" = json!(["not-found"])))
)]
#[post("/sandbox/payments/{provider_payment_id}/redeliver")]
pub async fn redeliver_sandbox_webhooks(
    bank: Bank,
    id: web::Path<String>,
    Json(body): Json<Redeliver>,
) -> Result<HttpResponse, Problem> {
    let events = bank.redeliver(&id, body.check()?).await?;
    Ok(HttpResponse::Accepted().json(Redelivered { events }))
}
