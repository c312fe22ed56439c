//! What other modules may ask of payments: the seam behind which a payment provider sits.

pub mod admin;
mod provider;
pub mod reconcile;
mod refund_books;

pub use super::reconcile::{
    Difference, Orphan, ProviderReport, ReconcileError, ReturnDifference, ReturnKind, Sums, Word,
    reconcile_provider,
};

pub use provider::{
    CaptureMethod, CreateAnswer, CreateRequest, Created, EventPage, ListedEvent, PaymentPage,
    Provider, ProviderDispute, ProviderDisputeStatus, ProviderError, ProviderPayment,
    ProviderRefund, ProviderRefundStatus, ProviderStatus, RefundRequest, ReturnedPage,
    WebhookError, WebhookEvent, WebhookKind,
};
