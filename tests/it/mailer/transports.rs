//! The ways mail leaves by.

use std::os::unix::fs::PermissionsExt;

use super::{register, rows, sending_to};
use crate::support::{
    Server,
    donation::PATIENCE,
    eventually,
    mail::{MailServer, Mode, arrive},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_once_and_then_wiped() {
    let mail = MailServer::start(Mode::Plain);
    let mut server = sending_to(&mail).start().await;
    register(&server.client(), "ada@example.org").await;
    let letter = mail.receives(1).await.remove(0);
    assert_eq!(letter.to, "ada@example.org");
    assert_eq!(letter.subject, "Please confirm your e-mail address");
    assert!(letter.message_id.ends_with("@careforall.example>"), "{}", letter.message_id);
    eventually(PATIENCE, async || rows(&server).await[0].1).await;
    let ada = "ada@example.org".to_owned();
    assert_eq!(rows(&server).await, [(ada, true, false, true, 1, None)]);
    assert_eq!(mail.letters().len(), 1);
    let (log, token) = (server.whole_log().await, letter.token());
    assert!(!log.contains("ada@example.org") && !log.contains(&token), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_from_the_start_or_after_starttls_with_a_password() {
    for mode in [Mode::StartTls, Mode::Tls] {
        let mail = MailServer::start(mode);
        let server = sending_to(&mail).env("SSL_CERT_FILE", mail.authority().display());
        let server = server.start().await;
        register(&server.client(), "ada@example.org").await;
        let letter = mail.receives(1).await.remove(0);
        assert!(letter.tls, "{mode:?}");
        assert_eq!(letter.user, mode == Mode::StartTls);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_nobody_we_know_gets_no_mail() {
    for mode in [Mode::StartTls, Mode::Tls] {
        let mail = MailServer::start(mode);
        let server = sending_to(&mail).start().await;
        register(&server.client(), "ada@example.org").await;
        eventually(PATIENCE, async || rows(&server).await[0].5.is_some()).await;
        let (_, sent, failed, _, _, reason) = rows(&server).await.remove(0);
        assert!(!sent && !failed, "{mode:?}: it may be mended");
        assert!(mail.letters().is_empty(), "{mode:?}");
        let reason = reason.unwrap();
        assert!(reason.to_lowercase().contains("certificate"), "{mode:?}: {reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_a_developer_finds_files() {
    let server = Server::builder().start().await;
    register(&server.client(), "ada@example.org").await;
    let letter = arrive(&server, "ada@example.org", 1).await.remove(0);
    assert_eq!(letter.subject, "Please confirm your e-mail address");
    assert!(letter.token().len() == 43);
}

/// They hold codes that open accounts.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_mail_are_their_owners_alone() {
    let server = Server::builder().start().await;
    register(&server.client(), "ada@example.org").await;
    arrive(&server, "ada@example.org", 1).await;
    let folder = server.directory().join("data/mail");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in folder.read_dir().unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}
