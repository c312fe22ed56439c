//! Payments. Being built: so far the pure model that judges what providers say.

pub mod model;
