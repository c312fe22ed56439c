//! Pledges as they go over the wire.

mod donation;
mod history;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub use donation::{DonationBody, donations_page};
pub use history::GiftBody;

use super::model::{Pledge, PledgeStatus, holds_card_number};
use crate::{
    kernel::{
        email::Email,
        ids::{CampaignId, PaymentId, PledgeId},
        money::{AmountMinor, Currency, Money},
        problem::Problem,
    },
    platform::http::{Checks, text},
};

/// A gift to promise.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "campaign_id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f",
    "amount_minor": 2500,
    "currency": "USD",
    "donor_email": "ada@example.org",
    "donor_name": "Ada",
    "message": "Keep going!"
}))]
pub struct CreatePledge {
    pub campaign_id: CampaignId,
    pub amount_minor: AmountMinor,
    pub currency: Currency,
    /// Guests must give it, signed-in donors may not, with an API key one may.
    #[schema(format = Email, max_length = 254)]
    pub donor_email: Option<String>,
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "Ada"
    )]
    pub donor_name: Option<String>,
    /// Lists of donations show the gift without a name. The campaign's owner and administrators see
    /// the `donor_name` all the same.
    #[schema(default = false)]
    pub anonymous: Option<bool>,
    #[schema(
        max_length = 500,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "Keep going!"
    )]
    pub message: Option<String>,
    /// Anything of your own, at most 4 KiB of JSON. No card numbers.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// A promise whose form is in order.
#[derive(Debug, Clone)]
pub struct Promise {
    pub campaign_id: CampaignId,
    pub money: Money,
    pub donor_email: Option<Email>,
    pub donor_name: Option<String>,
    pub anonymous: bool,
    pub message: Option<String>,
    pub metadata: Option<Value>,
}

const MAX_METADATA_BYTES: usize = 4096;

impl TryFrom<CreatePledge> for Promise {
    type Error = Problem;

    fn try_from(dto: CreatePledge) -> Result<Self, Problem> {
        let mut checks = Checks::new();
        let donor_email =
            dto.donor_email.and_then(|email| checks.take("donor_email", email.parse::<Email>()));
        let donor_name =
            dto.donor_name.and_then(|name| checks.take("donor_name", text(&name, 1..=200)));
        let message =
            dto.message.and_then(|message| checks.take("message", text(&message, 0..=500)));
        if message.as_deref().is_some_and(holds_card_number) {
            checks.fail("message", "card-number", "must not contain a payment card number");
        }
        let metadata = dto.metadata.map(Value::Object);
        if let Some(metadata) = &metadata {
            let json = metadata.to_string();
            let size = json.len() <= MAX_METADATA_BYTES;
            checks.require(size, "metadata", "too-long", "must have at most 4096 bytes of JSON");
            if holds_card_number(&json) {
                checks.fail("metadata", "card-number", "must not contain a payment card number");
            }
        }
        checks.finish(Some(Self {
            campaign_id: dto.campaign_id,
            money: Money::new(dto.amount_minor.0, dto.currency),
            donor_email,
            donor_name,
            anonymous: dto.anonymous.unwrap_or(false),
            message: message.filter(|m| !m.is_empty()),
            metadata,
        }))
    }
}

/// A pledge.
#[derive(Debug, Serialize, ToSchema)]
pub struct PledgeBody {
    pub id: PledgeId,
    pub campaign_id: CampaignId,
    pub status: PledgeStatus,
    #[schema(example = 2500)]
    pub amount_minor: i64,
    #[schema(example = 0)]
    pub refunded_minor: i64,
    pub currency: Currency,
    /// Only for its donor and for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "ada@example.org")]
    pub donor_email: Option<String>,
    #[schema(required, example = "Ada")]
    pub donor_name: Option<String>,
    /// To the public: lists of donations show no name. The campaign's owner and administrators see
    /// the name that the donor gave.
    pub anonymous: bool,
    #[schema(required, example = "Keep going!")]
    pub message: Option<String>,
    #[schema(required, value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// The payment that was last made for it.
    #[schema(required)]
    pub payment_id: Option<PaymentId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    #[schema(example = 1)]
    pub version: i64,
}

impl PledgeBody {
    /// `with_email`: for the donor and for administrators.
    pub fn new(pledge: &Pledge, with_email: bool) -> Self {
        Self {
            id: pledge.id,
            campaign_id: pledge.campaign_id,
            status: pledge.status,
            amount_minor: pledge.amount_minor,
            refunded_minor: pledge.refunded_minor,
            currency: pledge.currency,
            donor_email: with_email.then(|| pledge.donor_email.clone()),
            donor_name: pledge.donor_name.clone(),
            anonymous: pledge.anonymous,
            message: pledge.message.clone(),
            metadata: pledge.metadata.clone(),
            payment_id: pledge.payment_id,
            created_at: pledge.created_at,
            updated_at: pledge.updated_at,
            version: pledge.version,
        }
    }
}

/// A pledge just made; guests get the token that is theirs alone.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedPledge {
    #[serde(flatten)]
    pub pledge: PledgeBody,
    /// The guest's credential for this pledge: send it as `Authorization: Bearer …`. Valid for 90
    /// days, and derived again when the request is repeated.
    #[schema(nullable = false, example = "eyJhbGciOiJFZERTQSJ9.eyJhdWQiOiJndWVzdCJ9.c2lnbmF0dXJl")]
    pub guest_token: Option<String>,
}
