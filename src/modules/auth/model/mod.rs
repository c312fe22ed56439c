//! People and their sessions, and the rules that need no I/O.

mod session;
mod user;

pub use session::{REFRESH_LIFETIME, RefreshToken, StoredToken, Verdict};
pub use user::{Credentials, Password, Registration, Role, User, parse_name};
