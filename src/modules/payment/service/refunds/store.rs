//! Phase C: what the provider said, through `decide`.

use super::{
    super::super::{
        api::{ProviderRefund, ProviderRefundStatus},
        book::{Book, Cause, Source},
        dto::RefundBody,
        error::PaymentError,
        model::{Decision, EventKind, Input, ProviderEvent},
        repo::{self, RefundRow},
    },
    ask::Told,
    begin::line,
};
use crate::{
    kernel::clock,
    platform::{idempotency::StoredResponse, postgres::Connection},
};

/// Stores the answer, and returns the refund as it then is. A webhook may have been faster; the
/// answer changes nothing then.
pub async fn store(
    conn: &mut Connection,
    row: &RefundRow,
    told: &Told,
    source: Source,
) -> Result<RefundRow, PaymentError> {
    match told {
        Told::Refund(refund) => apply(conn, row, refund, source).await?,
        Told::Refused(reason) => refuse(conn, row, reason, source).await?,
    }
    repo::find_refund(conn, row.id).await?.ok_or(PaymentError::RefundNotFound)
}

async fn apply(
    conn: &mut Connection,
    row: &RefundRow,
    refund: &ProviderRefund,
    source: Source,
) -> Result<(), diesel::result::Error> {
    let id = row.payment_id;
    let mut book = Book::open(conn, &row.provider, &[id], &[]).await?;
    let (refund_ref, amount_minor) = (refund.provider_refund_id.clone(), refund.amount_minor);
    let (kind, name) = match refund.status {
        ProviderRefundStatus::Pending => (None, "refund.pending"),
        ProviderRefundStatus::Succeeded => {
            (Some(EventKind::RefundSucceeded { refund_ref, amount_minor }), "refund.succeeded")
        }
        ProviderRefundStatus::Failed => {
            (Some(EventKind::RefundFailed { refund_ref, amount_minor }), "refund.failed")
        }
    };
    let from = book.model(id).map(|model| model.status);
    if let (Some(kind), Some(from)) = (kind, from) {
        let cause = Cause::own(source, name);
        let event = ProviderEvent { kind, currency: row.currency, captured_minor: None };
        let decision = book.judge(id, &Input::Event(event), &cause).unwrap_or(Decision::Ignored);
        // what is in question is settled by the provider's own event
        if !matches!(decision, Decision::Ask(_)) {
            book.record(id, from, &decision, &cause);
        }
    }
    book.hear_refund(id, &refund.provider_refund_id, Some(row.id));
    book.store(conn).await.map(drop)
}

/// The amount is free again.
async fn refuse(
    conn: &mut Connection,
    row: &RefundRow,
    reason: &str,
    source: Source,
) -> Result<(), PaymentError> {
    let payment = repo::find_locked(conn, row.payment_id).await?.ok_or(PaymentError::NotFound)?;
    if repo::fail_refund(conn, row, reason, clock::now()).await? {
        tracing::warn!(refund_id = %row.id, reason, "the provider refused a refund");
        metrics::counter!("refunds_total", "status" => "refused", "provider" => row.provider.clone())
            .increment(1);
        repo::insert_history(conn, &[line(&payment, "refund.refused", source)]).await?;
    }
    Ok(())
}

/// The answer to whoever asked for it.
pub fn response(row: &RefundRow) -> Result<StoredResponse, PaymentError> {
    let body = serde_json::to_string(&RefundBody::from(row.clone()))
        .map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))?;
    Ok(StoredResponse { status: 202, body })
}
