//! People, their sessions and their keys, and the rules that need no I/O.

mod api_key;
pub mod guard;
mod mailed;
mod opaque;
mod session;
mod user;

pub use api_key::{ApiKey, KEY_PREFIX, MOST_KEYS};
pub use mailed::{Letter, Purpose};
pub use opaque::Opaque;
pub use session::{OpenSession, REFRESH_LIFETIME, StoredToken, Verdict};
pub use user::{Credentials, Password, Registration, Role, User, parse_name, parse_stored};
