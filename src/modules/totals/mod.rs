//! Totals: what each campaign has raised, in O(1), whatever the number of donations.
//!
//! **Who acts.** The consumer `totals` listens to campaigns, pledges and payments and keeps one
//! row per campaign; everybody reads it, through two caches. The campaign module makes the row
//! ([`api::open`]) and shows it ([`api::publish`]) in its own transactions. Totals ask nobody.
//!
//! **What always holds.** Facts are absolute and versioned: the newest word on each payment and
//! pledge is what counts, so repetition, order and gaps do not matter. A batch takes the locks of
//! its campaigns in ascending order, stores what is newer, and adds the differences with one
//! update per campaign. No amount is ever negative and refunds and disputes never exceed captures,
//! at any instant, by CHECK. Money in another currency than the campaign's is never added.
//! `version` grows by one with every update.
//!
//! **How it fails.** A fact that cannot be counted fails its batch; the bus isolates it. Redis
//! away costs speed only. Postgres away: 503 once the caches have run out.
//!
//! Tables: `totals.campaign_totals`, `contribution`, `pledge_contribution`, `gift`, `donor`.
//! Events in: `campaign.changed`, `pledge.changed`, `payment.changed`. Events out: `totals.changed`,
//! at most one for each campaign and batch.

mod announce;
pub mod api;
mod consumers;
mod dto;
mod error;
pub mod events;
mod model;
mod repo;
mod routes;
mod schema;
mod service;
mod snapshot;

pub use consumers::TotalsConsumer;
pub use service::TotalsService;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the routes; they need a `Data<TotalsService>`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(routes::get_campaign_totals);
}
