//! Campaigns: what gifts are collected for.
//!
//! **Who acts.** A user starts a draft, and from then on its owner and administrators publish,
//! revise, pause, resume, end or cancel it. The clock ends what has an `ends_at`. Everybody reads
//! what was ever published; a draft, also one that was cancelled, exists for its owner and for
//! administrators only.
//!
//! **What always holds.** The status changes by [`model::Action`] only, along the table that is
//! tested pair by pair; ended and cancelled are for good. A campaign whose `ends_at` has passed is
//! ended from that instant, for every reader and for gifts, although a background task
//! ([`CampaignService::run`]) writes it down only seconds later. Gifts are taken when it is active,
//! not suspended, and within its dates. The currency is fixed at publication. Each change is one
//! version, one commit with its event, under the row's lock; [`api::lock_for_gifts`] shares that
//! lock, so a gift and a change never overlap. Totals are opened with the campaign and shown with
//! its publication, in the same transactions.
//!
//! **How it fails.** Postgres away: 503. The background task logs and tries again; readers do not
//! notice.
//!
//! Tables: `campaign.campaigns`, `funding`. Events out: `campaign.changed`, `campaign.cancelled`.
//! Events in: `totals.changed`, by which the most funded are listed.

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

pub use consumers::CampaignConsumer;
pub use routes::configure;
pub use service::CampaignService;
