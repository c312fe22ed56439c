//! Who is who: accounts, sessions, and the tokens that guests come back with.
//!
//! People register and sign in with a password; a sign-in is a session, carried by short access
//! tokens (JWT, verified without the database) and by refresh tokens (opaque, stored hashed).
//! Whoever gives without an account gets a guest token for that one pledge.
//!
//! Always true:
//! - an e-mail address has at most one account;
//! - passwords and refresh tokens are stored as hashes, and appear in no log;
//! - a refresh token is good for one use: the second ends its session, all of it;
//! - a token says who, never what they may: roles are read from the database;
//! - a guest token is a function of pledge, time of issue and key, so it is never stored;
//! - hashing a password holds no database connection and no thread that serves requests.
//!
//! Tables: `auth.users`, `auth.refresh_tokens`. The signing key, where none is configured, is kept
//! as the secret `auth.signing_key` of the platform. No events in or out.

pub mod api;
mod dto;
mod error;
mod keys;
mod model;
mod password;
mod repo;
mod routes;
mod schema;
mod service;
mod tokens;

pub use keys::{KeyError, SigningKeys};
pub use routes::{configure, get_jwks};
pub use service::AuthService;
