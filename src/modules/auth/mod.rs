//! Who is who: accounts, sessions, and the tokens that guests come back with.
//!
//! People register and sign in with a password; a sign-in is a session, carried by short access
//! tokens (JWT, verified without the database) and by refresh tokens (opaque, stored hashed).
//! Whoever gives without an account gets a guest token for that one pledge.
//!
//! What they have forgotten or have to prove goes by mail; programs act with API keys.
//!
//! Always true:
//! - an e-mail address has at most one account;
//! - passwords, refresh tokens, API keys and mailed tokens are stored as hashes, and appear in no
//!   log;
//! - a refresh token is good for one use: the second ends its session, all of it;
//! - a mailed token is good for one use and one purpose;
//! - a token says who, never what they may: roles are read from the database;
//! - a guest token is a function of pledge, time of issue and key, so it is never stored;
//! - hashing a password holds no database connection and no thread that serves requests;
//! - whether an address is known shows neither in an answer nor in its time, registration aside;
//! - every try at a password is counted before it is made, and nobody can lock somebody else out;
//! - an API key makes no keys, ends no sessions, and is no administrator.
//!
//! Tables: `auth.users`, `auth.refresh_tokens`, `auth.mailed_tokens`, `auth.mail_requests`,
//! `auth.api_keys`, `auth.sign_in_limits`, `auth.signing_keys`. Mail leaves through the platform's
//! mailer. No events in or out.

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
pub use service::{AuthService, Clerk};
