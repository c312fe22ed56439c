//! Stripe's webhooks: who signed them, and what they say.

mod object;
mod parse;
mod signature;
#[cfg(test)]
mod tests;

pub use parse::{TYPES, essence, parse};
pub use signature::Secrets;
