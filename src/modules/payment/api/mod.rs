//! What other modules may ask of payments: the seam behind which a payment provider sits.

pub mod admin;
mod provider;
pub mod reconcile;

pub use provider::{
    CaptureMethod, CreateAnswer, CreateRequest, Created, Provider, ProviderError, ProviderPayment,
    ProviderStatus, WebhookError, WebhookEvent, WebhookKind,
};
