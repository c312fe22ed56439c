//! What is asked of Stripe, and how its answers are understood.

mod events;
mod payments;
mod refunds;
mod returned;
mod translate;

use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;

/// Whatever an act takes, repetitions and further questions included, it takes no longer.
const PATIENCE: Duration = Duration::from_secs(8);

/// As many as Stripe lists at once.
const PAGE: usize = 100;

/// Our account at Stripe.
#[derive(Clone)]
pub struct StripeAccount {
    client: Client,
}

impl StripeAccount {
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}
