//! Payments of which something went back: refunds and disputes that were made in a stretch of time,
//! and such as an event tells of that changed in it. Stripe lists objects by when they were made
//! only, and events for 30 days.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{PAGE, StripeAccount, deadline};
use crate::modules::{
    payment::api::{ProviderError, ReturnedPage},
    stripe::{client::Call, dto::List},
};

/// One after the other.
const LISTS: [&str; 3] = ["refunds", "disputes", "events"];

/// Changes of what was made before.
const CHANGES: [&str; 6] = [
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.refund.updated",
    "refund.failed",
    "refund.updated",
];

impl StripeAccount {
    /// The cursor names a list, and the object there from which to go on: `<list>,<object's id>`.
    pub async fn returned(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&str>,
    ) -> Result<ReturnedPage, ProviderError> {
        let begin = cursor.unwrap_or(LISTS[0]);
        let after = begin.split_once(',').map(|(_, after)| after);
        let list = begin.split(',').next().unwrap_or_default();
        let malformed = || ProviderError::Refused("this is no cursor of what went back".into());
        let at = LISTS.iter().position(|known| *known == list).ok_or_else(malformed)?;
        let path = [LISTS[at]];
        let mut call = Call::get(&path)
            .field("limit", PAGE)
            .field("created[gte]", from.timestamp())
            .field("created[lt]", to.timestamp());
        if list == "events" {
            call = CHANGES.iter().fold(call, |call, name| call.field("types[]", name));
        }
        if let Some(after) = after {
            call = call.field("starting_after", after);
        }
        let page: List<Value> = self.client.send(&call, deadline()).await?;
        let end = page.data.last().and_then(|object| object["id"].as_str());
        let cursor = match end.filter(|_| page.has_more) {
            Some(id) => Some(format!("{list},{id}")),
            None => LISTS.get(at + 1).map(|next| (*next).to_owned()),
        };
        let provider_payment_ids = page.data.iter().filter_map(intent_of).collect();
        Ok(ReturnedPage { provider_payment_ids, cursor })
    }
}

/// Of a refund or dispute, or of an event that tells of one; none of a charge without an intent.
fn intent_of(listed: &Value) -> Option<String> {
    let told = &listed["data"]["object"];
    let object = if told.is_object() { told } else { listed };
    let intent = &object["payment_intent"];
    intent.as_str().or_else(|| intent["id"].as_str()).map(str::to_owned)
}
