//! What a provider lists, page by page: to find what no webhook told us.

use super::payment::ProviderPayment;

/// One of the provider's events, as it would have been posted to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    pub event_id: String,
    pub body: Vec<u8>,
}

/// Events, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    pub events: Vec<ListedEvent>,
    /// Goes into the next call, also when there is no more for now; never moves back. `None` only
    /// where none was passed and nothing found.
    pub cursor: Option<String>,
    pub has_more: bool,
}

/// Payments, in an order of the provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentPage {
    pub payments: Vec<ProviderPayment>,
    /// For the next page; `None`: that was all.
    pub cursor: Option<String>,
}

/// Payments of which something went back, by the provider's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedPage {
    pub provider_payment_ids: Vec<String>,
    /// For the next page; `None`: that was all.
    pub cursor: Option<String>,
}
