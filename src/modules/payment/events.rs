//! What the payment module announces. Amounts are absolute and carry the payment's version, so
//! that a consumer which keeps the newest version is right whatever it missed or saw twice.

use serde::{Deserialize, Serialize};

use crate::kernel::{
    ids::{CampaignId, PaymentId, PledgeId},
    money::Currency,
};

/// A payment was made or changed in any way.
pub const PAYMENT_CHANGED: &str = "payment.changed.v1";

/// The payload of [`PAYMENT_CHANGED`]. Its aggregate is the payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentChanged {
    pub payment_id: PaymentId,
    pub pledge_id: PledgeId,
    pub campaign_id: CampaignId,
    pub version: i64,
    /// `pending`, `failed`, `authorized`, `captured` or `refunded`.
    pub status: String,
    pub currency: Currency,
    /// All that was ever captured.
    pub captured_minor: i64,
    pub refunded_minor: i64,
    /// The part of what is left that disputes hold back.
    pub disputed_minor: i64,
    /// A keyed hash of the donor, hex: equal for equal donors, and no way back.
    pub donor_hash: String,
}
