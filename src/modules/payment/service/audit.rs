//! What administrators do to payments, in the audit log.
//!
//! The row is of the transaction that begins the act, so that there is none for what is refused, and
//! one however often the request is repeated. What the provider made of it is in the payment's
//! history.

use diesel::QueryResult;
use serde_json::{Value, json};

use super::{
    super::repo::{PaymentRow, RefundRow},
    act::Act,
};
use crate::platform::{
    audit::{self, Author, Deed},
    postgres::Connection,
};

/// A capture or cancellation, about to be asked for.
pub async fn act(
    conn: &mut Connection,
    author: &Author,
    act: Act,
    payment: &PaymentRow,
) -> QueryResult<()> {
    let action = match act {
        Act::Capture => "payment.capture",
        Act::Cancel => "payment.cancel",
    };
    let before = json!({ "status": payment.status, "amount_minor": payment.amount_minor,
                         "captured_minor": payment.captured_minor, "currency": payment.currency });
    let after = json!({ "asked_for": act.as_str() });
    record(conn, author, action, payment, (&before, &after)).await
}

/// A refund that was reserved, of what could be given back before.
pub async fn refund(
    conn: &mut Connection,
    author: &Author,
    payment: &PaymentRow,
    refund: &RefundRow,
    available_minor: i64,
) -> QueryResult<()> {
    let before = json!({ "captured_minor": payment.captured_minor, "currency": payment.currency,
                         "refunded_minor": payment.refunded_minor,
                         "available_minor": available_minor });
    let after = json!({ "refund_id": refund.id, "amount_minor": refund.amount_minor,
                        "status": refund.status,
                        "available_minor": available_minor - refund.amount_minor });
    record(conn, author, "payment.refund", payment, (&before, &after)).await
}

async fn record(
    conn: &mut Connection,
    author: &Author,
    action: &'static str,
    payment: &PaymentRow,
    (before, after): (&Value, &Value),
) -> QueryResult<()> {
    let deed = Deed {
        action,
        target_type: "payment",
        target_id: Some(&payment.id.to_string()),
        before: Some(before),
        after: Some(after),
    };
    audit::record(conn, author, deed).await
}
