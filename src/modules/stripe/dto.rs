//! Stripe's objects, as far as they concern us. Unknown fields are tolerated everywhere, and
//! whatever may be absent in some version of the API is optional.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    kernel::ids::{PaymentId, RefundId},
    platform::telemetry::TraceContext,
};

/// `payment_intent`
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentIntent {
    pub id: String,
    #[serde(default)]
    pub livemode: Option<bool>,
    pub currency: String,
    /// All that was captured, refunded or not.
    #[serde(default)]
    pub amount_received: Option<i64>,
    /// What a capture would take.
    #[serde(default)]
    pub amount_capturable: Option<i64>,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub client_secret: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub latest_charge: Option<Expandable<Charge>>,
}

/// `charge`
#[derive(Debug, Clone, Deserialize)]
pub struct Charge {
    pub id: String,
    pub currency: String,
    #[serde(default)]
    pub amount_captured: Option<i64>,
    /// What is on its way back is counted.
    #[serde(default)]
    pub amount_refunded: Option<i64>,
    #[serde(default)]
    pub payment_intent: Option<Expandable<Named>>,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub payment_method_details: Option<MethodDetails>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct MethodDetails {
    #[serde(default)]
    pub card: Option<CardDetails>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct CardDetails {
    /// Seconds since 1970: after this the authorization is no more.
    #[serde(default)]
    pub capture_before: Option<i64>,
}

/// `refund`
#[derive(Debug, Clone, Deserialize)]
pub struct Refund {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    /// `pending`, `requires_action`, `succeeded`, `failed`, `canceled`.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub payment_intent: Option<Expandable<Named>>,
    #[serde(default)]
    pub metadata: Metadata,
}

/// `dispute`
#[derive(Debug, Clone, Deserialize)]
pub struct Dispute {
    pub id: String,
    #[serde(default)]
    pub livemode: Option<bool>,
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub payment_intent: Option<Expandable<Named>>,
    #[serde(default)]
    pub metadata: Metadata,
}

/// `list`
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// A reference, or the object itself where it was asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

/// Any object, of which only the name matters.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    pub id: String,
}

impl Expandable<Named> {
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => &object.id,
        }
    }
}

/// What is of one of the two modes.
pub trait Moded {
    /// As the object says of itself; `None`: it does not.
    fn livemode(&self) -> Option<bool>;
}

impl Moded for PaymentIntent {
    fn livemode(&self) -> Option<bool> {
        self.livemode
    }
}

impl Moded for Dispute {
    fn livemode(&self) -> Option<bool> {
        self.livemode
    }
}

impl Moded for Refund {
    fn livemode(&self) -> Option<bool> {
        None
    }
}

impl Moded for Value {
    fn livemode(&self) -> Option<bool> {
        self["livemode"].as_bool()
    }
}

impl<T: Moded> Moded for List<T> {
    /// Of its first object: a list is never mixed.
    fn livemode(&self) -> Option<bool> {
        self.data.first().and_then(Moded::livemode)
    }
}

/// Our mark on what is ours; whatever else is there belongs to others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metadata {
    pub payment_id: Option<PaymentId>,
    pub refund_id: Option<RefundId>,
    pub trace: Option<TraceContext>,
}

pub const TRACE: &str = "traceparent";
pub const PAYMENT_ID: &str = "payment_id";
pub const REFUND_ID: &str = "refund_id";

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Option::<HashMap<String, Value>>::deserialize(deserializer)?;
        let text = |name| values.as_ref()?.get(name)?.as_str();
        Ok(Self {
            // what another application calls so need not be an id of ours
            payment_id: text(PAYMENT_ID).and_then(|id| id.parse().ok()),
            refund_id: text(REFUND_ID).and_then(|id| id.parse().ok()),
            trace: text(TRACE).and_then(|trace| trace.parse().ok()),
        })
    }
}
