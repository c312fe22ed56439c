//! What the module keeps in Postgres.

mod opening;
mod reconciliation;

pub use opening::{day_is_open, open_day};
pub use reconciliation::{Kind, Standing, claim, drifts, extend, finish, standings};
