//! Pledges: promises to give.
//!
//! A donor, registered or not, promises an amount to a campaign; a payment makes it good. Always
//! holds: an acknowledged pledge, its idempotency key and its event are one commit; a pledge is
//! only made while its campaign, locked in the same transaction, accepts gifts; its status follows
//! from all of its payments by events, and what was captured counts whatever else happens; where
//! overfunding is off, the pledges that count never exceed the goal; a donor's address is shown to
//! that donor and to administrators. Everybody sees of a gift, once it was captured, what its donor
//! lets be shown, in the order of the captures.
//!
//! Tables: `pledge.pledges`, `pledge.payment_states`, `pledge.goal_room`,
//! `pledge.cancelled_campaigns`.
//! Events out: `pledge.changed.v1`, `pledge.cancelled.v1`. In: `payment.changed.v1`,
//! `campaign.cancelled.v1`.

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

pub use consumers::PledgeConsumer;
pub use routes::configure;
pub use service::{AmountRange, KnownGuests, PledgeService};
