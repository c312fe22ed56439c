//! Mail: who wants some sent says so in the transaction of its reason, and it is sent afterwards.
//!
//! [`enqueue`] writes a row of `bus.mail` with the caller's connection, so there is no mail about
//! what was rolled back, and none is forgotten. [`Mailer`] carries the rows out: replicas share
//! them, each row is leased to one of them at a time. What fails is tried again, ever more slowly,
//! until it is of no use any more; what the server refuses for good ends at once, with the reason.
//!
//! At least once: a replica that dies after the server has taken a mail sends it again. Both have
//! the same `Message-ID`. What a mail said is wiped as soon as its row is final, and neither
//! addresses nor contents are logged.

mod folder;
mod smtp;
mod store;
mod transport;
mod worker;

use chrono::{DateTime, Utc};

use crate::kernel::email::Email;

pub use folder::Folder;
pub use smtp::Smtp;
pub use store::enqueue;
pub use transport::{Nowhere, Sender, Transport, Undelivered};
pub use worker::Mailer;

/// A mail in plain text.
pub struct NewMail<'a> {
    pub to: &'a Email,
    /// One line.
    pub subject: &'a str,
    pub body: &'a str,
    /// When there is no point in sending it any more.
    pub useful_until: DateTime<Utc>,
}
