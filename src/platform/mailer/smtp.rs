//! Mail over SMTP, encrypted unless the server is on this machine.

use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    transport::smtp::{Error, PoolConfig},
};
use uuid::Uuid;

use super::transport::{Transport, Undelivered};

/// How long the server may take over one of its answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections, kept open for a moment.
const CONNECTIONS: u32 = 4;
const IDLE: Duration = Duration::from_secs(20);

/// A mail server.
pub struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    /// `smtps://user:password@host` speaks TLS from the first byte, `smtp://…` turns to it with
    /// STARTTLS. `?tls=opportunistic` goes on without where the server has none, as does a server
    /// on this machine. Certificates are verified as the operating system does.
    ///
    /// # Errors
    /// What is wrong with the URL, without repeating it.
    pub fn new(url: &str) -> Result<Self, String> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&with_tls(url)?);
        let builder = builder.map_err(|_| "the URL cannot be used".to_owned())?;
        let pool = PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE);
        Ok(Self(builder.timeout(Some(PATIENCE)).pool_config(pool).build()))
    }
}

impl Transport for Smtp {
    fn deliver(&self, _: Uuid, message: Message) -> BoxFuture<'_, Result<(), Undelivered>> {
        Box::pin(async move { self.0.send(message).await.map(drop).map_err(|e| judge(&e)) })
    }
}

/// Passwords must not cross a network in the clear because a parameter was forgotten.
fn with_tls(url: &str) -> Result<String, String> {
    let mut url = reqwest::Url::parse(url).map_err(|_| "the URL cannot be read".to_owned())?;
    let told = url.query_pairs().any(|(name, _)| name == "tls");
    if url.scheme() == "smtp" && !told {
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let tls = if here { "opportunistic" } else { "required" };
        let port = url.port();
        url.query_pairs_mut().append_pair("tls", tls);
        if port.is_none() && here {
            url.set_port(Some(25)).map_err(|()| "the URL has no host".to_owned())?;
        }
    }
    Ok(url.into())
}

/// The server's refusal of this mail is final (RFC 5321, section 4.2.1). Its refusal of us, such as
/// 530 and 535 for credentials, is not the mail's fault and may be mended.
fn judge(error: &Error) -> Undelivered {
    match error.status().map(u16::from) {
        Some(code @ (501 | 521 | 550..=556)) => {
            Undelivered::ForGood(format!("the mail server refuses it: {code}"))
        }
        Some(code) => Undelivered::ForNow(format!("the mail server says {code}")),
        None if error.is_timeout() => {
            Undelivered::ForNow("the mail server did not answer in time".to_owned())
        }
        None if error.is_tls() => Undelivered::ForNow(format!("no TLS with the server: {error}")),
        None => Undelivered::ForNow(format!("the mail server cannot be used: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_on_this_machine_may_be_spoken_to_in_the_clear() {
        for (given, used) in [
            ("smtp://mail.example", "smtp://mail.example?tls=required"),
            ("smtp://u:p@mail.example:2525", "smtp://u:p@mail.example:2525?tls=required"),
            ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525?tls=opportunistic"),
            ("smtp://localhost", "smtp://localhost:25?tls=opportunistic"),
            ("smtp://mail.example?tls=opportunistic", "smtp://mail.example?tls=opportunistic"),
            ("smtps://mail.example", "smtps://mail.example"),
        ] {
            assert_eq!(with_tls(given).unwrap(), used);
        }
        assert!(with_tls("mail.example").is_err());
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_url_is_told_without_it() {
        for bad in ["smtp://hush:hush@", "hush", "smtp://hush@h?tls=hush", "http://hush"] {
            let said = Smtp::new(bad).err().unwrap_or_else(|| panic!("{bad} is good"));
            assert!(!said.contains("hush"), "{said}");
        }
    }
}
