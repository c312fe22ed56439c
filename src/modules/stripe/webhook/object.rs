//! The object that an event is about: which payment it belongs to, and what it says of it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::parse::malformed;
use crate::{
    kernel::{ids::PaymentId, money::Currency},
    modules::{
        payment::api::{WebhookError, WebhookKind},
        stripe::{
            currency::{from_stripe, parse},
            dto::{Charge, Dispute, Expandable, Metadata, Named, PaymentIntent, Refund},
        },
    },
    platform::telemetry::TraceContext,
};

/// What an event says, before it is known whom it concerns.
#[derive(Debug)]
pub struct Said {
    pub intent: Option<String>,
    pub payment_id: Option<PaymentId>,
    pub trace: Option<TraceContext>,
    /// It would carry our mark if it were ours, and does not.
    pub foreign: bool,
    pub currency: Option<Currency>,
    pub kind: WebhookKind,
}

impl Said {
    /// A type that says nothing, of any object.
    pub fn nothing(object: &Value) -> Self {
        let metadata: Metadata =
            serde_json::from_value(object["metadata"].clone()).unwrap_or_default();
        let own = (object["object"] == "payment_intent").then(|| &object["id"]);
        let intent = own.unwrap_or(&object["payment_intent"]).as_str();
        let (intent, kind) = (intent.map(str::to_owned), WebhookKind::Unknown);
        let Metadata { payment_id, trace, .. } = metadata;
        Self { intent, payment_id, trace, foreign: false, currency: None, kind }
    }
}

/// `payment_intent.*`
pub fn payment_intent(
    object: &Value,
    kind: impl FnOnce(&PaymentIntent, &Amounts) -> Result<WebhookKind, WebhookError>,
) -> Result<Said, WebhookError> {
    let intent: PaymentIntent = read(object)?;
    let marked = Some(intent.metadata.payment_id.is_none());
    said(Some(&intent.id), intent.metadata, marked, &intent.currency, |a| kind(&intent, a))
}

/// `charge.*`. A charge has the metadata of its payment.
pub fn charge(
    object: &Value,
    kind: impl FnOnce(&Charge, &Amounts) -> Result<WebhookKind, WebhookError>,
) -> Result<Said, WebhookError> {
    let charge: Charge = read(object)?;
    let intent = charge.payment_intent.as_ref().map(Expandable::<Named>::id);
    let foreign = Some(charge.metadata.payment_id.is_none());
    said(intent, charge.metadata, foreign, &charge.currency, |a| kind(&charge, a))
}

/// `refund.*`. One that was made at the dashboard carries no mark, and is ours all the same.
pub fn refund(object: &Value) -> Result<Said, WebhookError> {
    let refund: Refund = read(object)?;
    let intent = refund.payment_intent.as_ref().map(Expandable::<Named>::id);
    said(intent, refund.metadata, None, &refund.currency, |amounts| {
        let amount_minor = Some(amounts.minor(refund.amount)?);
        let (refund_ref, refund_id) = (refund.id.clone(), refund.metadata.refund_id);
        Ok(match refund.status.as_deref() {
            Some("succeeded") => {
                WebhookKind::RefundSucceeded { refund_ref, refund_id, amount_minor }
            }
            Some("failed" | "canceled") => {
                WebhookKind::RefundFailed { refund_ref, refund_id, amount_minor }
            }
            _ => WebhookKind::Processing,
        })
    })
}

/// `charge.dispute.*`, with what this event means for a dispute whose status is none of an
/// inquiry's.
pub fn dispute(
    object: &Value,
    kind: impl FnOnce(&str, String, Option<i64>) -> WebhookKind,
) -> Result<Said, WebhookError> {
    let dispute: Dispute = read(object)?;
    let intent = dispute.payment_intent.as_ref().map(Expandable::<Named>::id);
    said(intent, dispute.metadata, None, &dispute.currency, |amounts| {
        if dispute.status.starts_with("warning_") {
            return Ok(WebhookKind::Processing);
        }
        let amount_minor = Some(amounts.minor(dispute.amount)?);
        Ok(kind(&dispute.status, dispute.id.clone(), amount_minor))
    })
}

/// Stripe's integers of one currency.
pub struct Amounts(Currency);

impl Amounts {
    pub fn minor(&self, amount: i64) -> Result<i64, WebhookError> {
        from_stripe(amount, self.0).map_err(|error| malformed(error.to_string()))
    }
}

/// `marked`: whether the mark is missing on an object that would carry it; `None`: it would not.
fn said(
    intent: Option<&str>,
    metadata: Metadata,
    unmarked: Option<bool>,
    currency: &str,
    kind: impl FnOnce(&Amounts) -> Result<WebhookKind, WebhookError>,
) -> Result<Said, WebhookError> {
    let Metadata { payment_id, trace, .. } = metadata;
    // what belongs to no PaymentIntent is none of ours: we make nothing else
    let foreign = payment_id.is_none() && (intent.is_none() || unmarked == Some(true));
    let intent = intent.map(str::to_owned);
    // another application may well be paid in what we cannot count
    let currency = match parse(currency) {
        Ok(currency) => currency,
        Err(_) if foreign => {
            let (currency, kind) = (None, WebhookKind::Unknown);
            return Ok(Said { intent, payment_id, trace, foreign, currency, kind });
        }
        Err(error) => return Err(malformed(error.to_string())),
    };
    let kind = match kind(&Amounts(currency)) {
        Err(_) if foreign => WebhookKind::Unknown,
        kind => kind?,
    };
    Ok(Said { intent, payment_id, trace, foreign, currency: Some(currency), kind })
}

fn read<T: DeserializeOwned>(object: &Value) -> Result<T, WebhookError> {
    T::deserialize(object)
        .map_err(|error| malformed(format!("`data.object` cannot be read: {error}")))
}
