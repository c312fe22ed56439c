//! Stripe as a payment provider.
//!
//! **Who acts.** The payment module calls Stripe's API through [`StripeProvider`]; Stripe calls our
//! webhook endpoint. The donor pays at Stripe, in the browser, with the intent's client secret.
//!
//! **What always holds.** Whatever moves money carries an idempotency key that is derived from our
//! row, so that a repetition has no second effect; our ids travel in the metadata, and come back
//! with every object; amounts go through Stripe's own table of currencies; what is not of our key's
//! mode, test or live, is not believed. Nothing of what is secret is ever logged.
//!
//! **How it fails.** A call takes at most 8 s, repetitions included. What Stripe refused is
//! `Refused`; everything that leaves open whether it was done is `Unavailable`, an idempotency key
//! that was used for something else among it. Objects of other applications on the same account are
//! left alone: an intent or charge without our mark is ignored; a refund or dispute bears no mark,
//! and waits in the inbox for a payment that may be about to be known.
//!
//! It has no tables and no events of the bus, in or out: what Stripe knows is asked of Stripe.

mod client;
mod currency;
mod dto;
mod error;
mod mode;
mod provider;
mod service;
mod webhook;

pub use client::BadSettings;
pub use provider::StripeProvider;
