//! How often somebody may ask.

use std::num::NonZeroU32;

use serde::Deserialize;

use super::values;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    #[serde(deserialize_with = "values::flag")]
    pub enabled: bool,
    /// Requests that write.
    #[serde(deserialize_with = "values::positive")]
    pub per_ip_per_minute: NonZeroU32,
    #[serde(deserialize_with = "values::positive")]
    pub reads_per_ip_per_minute: NonZeroU32,
    #[serde(deserialize_with = "values::positive")]
    pub per_api_key_per_minute: NonZeroU32,
    /// Sign-ins, registrations and requests for mail, per address and account.
    #[serde(deserialize_with = "values::positive")]
    pub auth_per_minute: NonZeroU32,
    /// Against those who try out cards.
    #[serde(deserialize_with = "values::positive")]
    pub payments_per_ip_per_hour: NonZeroU32,
    /// By programs: all API keys of a user together.
    #[serde(deserialize_with = "values::positive")]
    pub payments_per_user_per_hour: NonZeroU32,
    /// The same card, or what a provider has like it, from anywhere.
    #[serde(deserialize_with = "values::positive")]
    pub payments_per_source_per_hour: NonZeroU32,
}
