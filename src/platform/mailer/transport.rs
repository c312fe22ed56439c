//! The way out: one trait, and what may go wrong on it.

use futures_util::future::BoxFuture;
use lettre::{
    Message,
    address::AddressError,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

use super::store::Mail;

/// Takes a mail to where its receiver finds it.
pub trait Transport: Send + Sync {
    /// Returns when somebody else has taken charge of the mail. `id` is the same whenever the same
    /// mail is tried again.
    fn deliver(&self, id: Uuid, message: Message) -> BoxFuture<'_, Result<(), Undelivered>>;
}

/// Why a mail was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The same may succeed later.
    #[error("{0}")]
    ForNow(String),
    /// It will never succeed.
    #[error("{0}")]
    ForGood(String),
}

/// Where no way out is configured: mail waits until it is of no use.
pub struct Nowhere;

impl Transport for Nowhere {
    fn deliver(&self, _: Uuid, _: Message) -> BoxFuture<'_, Result<(), Undelivered>> {
        Box::pin(async { Err(Undelivered::ForNow("no way to send mail is configured".to_owned())) })
    }
}

/// Whom our mail is from.
#[derive(Debug, Clone)]
pub struct Sender(Mailbox);

impl Sender {
    /// Reads `Name <address>` or an address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        text.parse().map(Self)
    }

    /// The mail as it goes over the wire (RFC 5322).
    pub(super) fn compose(&self, mail: &Mail) -> Result<Message, Undelivered> {
        let refuse = |what: &str| Undelivered::ForGood(what.to_owned());
        let to = mail.recipient.parse().map_err(|_| refuse("the address cannot be mailed to"))?;
        let id = format!("<{}@{}>", mail.id, self.0.email.domain());
        Message::builder()
            .from(self.0.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            .message_id(Some(id))
            // RFC 3834: no out-of-office replies, please
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body.clone())
            .map_err(|_| refuse("no mail could be made of it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock;

    fn mail(recipient: &str) -> Mail {
        Mail {
            id: clock::new_id(),
            recipient: recipient.to_owned(),
            subject: "Grüße".to_owned(),
            body: "Zwölf Brunnen.\n".to_owned(),
            attempts: 1,
            useful_until: clock::now(),
        }
    }

    #[test]
    fn the_same_mail_has_the_same_message_id() {
        let sender = Sender::parse("CareForAll <no-reply@careforall.example>").unwrap();
        let mail = mail("ada@example.org");
        let [first, again] =
            [(); 2].map(|()| sender.compose(&mail).unwrap().formatted()).map(String::from_utf8);
        let id = format!("Message-ID: <{}@careforall.example>", mail.id);
        for text in [first.unwrap(), again.unwrap()] {
            assert!(
                text.contains(&id) && text.contains("Auto-Submitted: auto-generated"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_that_nobody_could_mail_to_is_refused_for_good() {
        let sender = Sender::parse("no-reply@careforall.example").unwrap();
        for bad in ["", "a b@example.org", "ada@example.org\r\nBcc: eve@example.org"] {
            let refused = sender.compose(&mail(bad)).unwrap_err();
            assert!(matches!(refused, Undelivered::ForGood(_)), "{bad:?}");
        }
    }
}
