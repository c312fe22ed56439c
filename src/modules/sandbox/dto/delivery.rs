//! What the bank has said, over the wire.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{kernel::problem::Problem, modules::sandbox::repo::Delivery, platform::http::Checks};

/// An event, and how far it has got.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    #[schema(example = "evt_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    id: String,
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "payment.captured")]
    event_type: String,
    created_at: DateTime<Utc>,
    /// How many times it is sent at once; 0: never.
    #[schema(example = 1)]
    copies: i32,
    #[schema(example = 1)]
    attempts: i32,
    /// When it was acknowledged.
    #[schema(required)]
    delivered_at: Option<DateTime<Utc>>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.event_id,
            event_type: delivery.event_type,
            created_at: delivery.created_at,
            copies: delivery.copies,
            attempts: delivery.attempts,
            delivered_at: delivery.delivered_at,
        }
    }
}

/// How often to send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redeliver {
    /// Copies of each event, sent at once.
    #[schema(minimum = 1, maximum = 100, example = 10)]
    copies: i32,
}

impl Redeliver {
    pub fn check(&self) -> Result<i32, Problem> {
        let mut checks = Checks::new();
        let range = (1..=100).contains(&self.copies);
        checks.require(range, "copies", "out-of-range", "must be between 1 and 100");
        checks.finish(Some(self.copies))
    }
}

/// How many events are on their way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redelivered {
    #[schema(example = 2)]
    pub events: usize,
}
