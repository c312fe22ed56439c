//! The words every room shares: money, identities, time, problems. No I/O, and nothing of ours is
//! imported here.

pub mod address;
pub mod backoff;
pub mod clock;
pub mod drift;
pub mod email;
pub mod ids;
pub mod money;
pub mod page;
pub mod period;
pub mod problem;
pub mod version;
