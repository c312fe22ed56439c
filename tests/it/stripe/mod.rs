//! Stripe behind the seam, against a Stripe of the tests' own.

mod calls;
mod errors;
mod fake;
mod flows;
mod listing;
mod outages;
mod reconciling;
mod refunds;
mod returns;
mod sdk;
mod webhooks;
mod world;
