//! A donor's own gifts.

use serde::Serialize;
use utoipa::ToSchema;

use super::PledgeBody;
use crate::{
    kernel::ids::PaymentId,
    modules::pledge::{model::PaymentState, service::Gift},
};

/// A gift, as its donor looks back on it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gift)]
pub struct GiftBody {
    #[serde(flatten)]
    pub pledge: PledgeBody,
    #[schema(example = "Wells for Turkana")]
    pub campaign_title: String,
    /// The payment that took the money, or else the last that was made.
    #[schema(required)]
    pub payment: Option<GiftPaymentBody>,
}

/// How the payment of a gift stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GiftPayment)]
pub struct GiftPaymentBody {
    pub id: PaymentId,
    /// `pending`, `failed`, `authorized`, `captured` or `refunded`.
    #[schema(example = "captured")]
    pub status: String,
    #[schema(example = 2500)]
    pub captured_minor: i64,
    #[schema(example = 0)]
    pub refunded_minor: i64,
    #[schema(example = 0)]
    pub disputed_minor: i64,
}

impl GiftBody {
    pub fn new(gift: &Gift) -> Self {
        Self {
            pledge: PledgeBody::new(&gift.pledge, true),
            campaign_title: gift.campaign_title.clone(),
            payment: gift.payment.as_ref().map(GiftPaymentBody::from),
        }
    }
}

impl From<&PaymentState> for GiftPaymentBody {
    fn from(state: &PaymentState) -> Self {
        Self {
            id: state.payment_id,
            status: state.status.clone(),
            captured_minor: state.captured_minor,
            refunded_minor: state.refunded_minor,
            disputed_minor: state.disputed_minor,
        }
    }
}
