//! The form of the bank's events.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::super::model::{Act, BankPayment, Behaviour, Notice, Order, What};
use crate::{kernel::clock, platform::telemetry};

/// An event about to be stored, to be sent once its turn has come.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub event_id: String,
    pub provider_payment_id: String,
    pub event_type: &'static str,
    pub body: String,
    pub trace_context: Option<String>,
    pub created_at: DateTime<Utc>,
    pub copies: i32,
    pub after_event: Option<String>,
    pub after_acknowledged: bool,
    pub next_attempt_at: Option<DateTime<Utc>>,
}

impl NewEvent {
    /// What is to be said of this act, in the order of its telling.
    pub fn of(act: &Act, payment: &BankPayment, now: DateTime<Utc>) -> Vec<Self> {
        let mut events: Vec<Self> = Vec::with_capacity(act.notices.len());
        for notice in &act.notices {
            let before = events.last().map(|e| e.event_id.clone());
            events.push(Self::one(act, notice, payment, before, now));
        }
        events
    }

    fn one(
        act: &Act,
        notice: &Notice,
        payment: &BankPayment,
        before: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let event_id = format!("evt_{}", clock::new_id().simple());
        let after_event = before.filter(|_| notice.order != Order::AtOnce);
        let copies = payment.behaviour.map_or(1, Behaviour::copies);
        Self {
            body: body(&event_id, (act, notice), payment, now),
            event_id,
            provider_payment_id: payment.id.clone(),
            event_type: type_name(notice.what),
            trace_context: telemetry::current().map(|t| t.to_string()),
            created_at: now,
            copies,
            next_attempt_at: (copies > 0 && after_event.is_none()).then_some(now),
            after_event,
            after_acknowledged: notice.order == Order::AfterAcknowledged,
        }
    }
}

fn type_name(what: What) -> &'static str {
    match what {
        What::Authorized => "payment.authorized",
        What::Captured => "payment.captured",
        What::Failed => "payment.failed",
        What::Canceled => "payment.canceled",
        What::RefundSucceeded => "refund.succeeded",
        What::RefundFailed => "refund.failed",
        What::InquiryOpened => "dispute.inquiry_opened",
        What::DisputeOpened => "dispute.opened",
        What::DisputeWon => "dispute.won",
        What::DisputeLost => "dispute.lost",
    }
}

fn body(
    event_id: &str,
    (act, notice): (&Act, &Notice),
    payment: &BankPayment,
    now: DateTime<Utc>,
) -> String {
    let mut event = json!({
        "id": event_id,
        "type": type_name(notice.what),
        "created_at": now.to_rfc3339_opts(SecondsFormat::Micros, true),
        "data": {
            "payment_id": payment.id,
            "amount_minor": notice.amount_minor,
            "currency": payment.currency,
            "metadata": { "payment_id": payment.payment_id },
        },
    });
    let data = &mut event["data"];
    if let Some(trace) = &payment.trace_context {
        data["metadata"]["traceparent"] = trace.as_str().into();
    }
    match notice.what {
        What::Authorized | What::Captured | What::Failed | What::Canceled => {}
        What::RefundSucceeded | What::RefundFailed => {
            data["refund_id"] = act.refund.as_ref().map(|refund| refund.id.as_str()).into();
            if let Some(ours) = act.refund.as_ref().and_then(|refund| refund.refund_id) {
                data["metadata"]["refund_id"] = ours.to_string().into();
            }
        }
        What::InquiryOpened | What::DisputeOpened | What::DisputeWon | What::DisputeLost => {
            data["dispute_id"] = act.dispute.as_ref().map(|dispute| dispute.id.as_str()).into();
        }
    }
    event.to_string()
}
