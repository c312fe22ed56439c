//! When the mail server is away, says no, or we are killed.

use super::{register, rows, sending_to};
use crate::support::{
    Server,
    donation::PATIENCE,
    eventually,
    mail::{MailServer, Mode},
};

async fn fails(server: &Server, index: usize) -> Option<(bool, String)> {
    let (_, _, failed, wiped, _, reason) = rows(server).await.into_iter().nth(index)?;
    failed.then(|| (wiped, reason.unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_waits_for_a_server_that_is_away() {
    let mut mail = MailServer::start(Mode::Plain);
    let mut server = sending_to(&mail).start().await;
    mail.stop();
    register(&server.client(), "ada@example.org").await;
    eventually(PATIENCE, async || rows(&server).await[0].4 >= 2).await;
    mail.start_again();
    assert_eq!(mail.receives(1).await[0].to, "ada@example.org");
    assert!(!server.whole_log().await.contains("ada@example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_for_good_ends_with_the_reason() {
    let mail = MailServer::start(Mode::Plain);
    let mut server = sending_to(&mail).start().await;
    let client = server.client();
    for email in ["nobody@example.org", "later@example.org", "ada@example.org"] {
        register(&client, email).await;
    }
    let (wiped, reason) = eventually(PATIENCE, async || fails(&server, 0).await).await;
    assert!(wiped && reason == "the mail server refuses it: 550", "{reason}");
    assert_eq!(mail.receives(1).await[0].to, "ada@example.org", "the others do not wait for it");
    let (_, sent, failed, wiped, _, _) = rows(&server).await.remove(1);
    assert!(!sent && !failed && !wiped, "a server that says later is asked again");
    let log = server.whole_log().await;
    assert!(!log.contains("@example.org") && log.contains("mail given up"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_has_become_useless_is_given_up() {
    let mut mail = MailServer::start(Mode::Plain);
    let server = sending_to(&mail).start().await;
    mail.stop();
    register(&server.client(), "ada@example.org").await;
    eventually(PATIENCE, async || rows(&server).await[0].4 >= 1).await;
    let sql = "UPDATE bus.mail SET useful_until = now(), next_attempt_at = now()";
    server.database().client().await.batch_execute(sql).await.unwrap();
    let (wiped, _) = eventually(PATIENCE, async || fails(&server, 0).await).await;
    assert!(wiped);
    mail.start_again();
    assert!(mail.letters().is_empty());
}

/// At least once: the server has the mail, and we were killed before we heard of it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_sending_it_sends_again_under_the_same_id() {
    let mail = MailServer::start(Mode::Plain);
    let mut server = sending_to(&mail).start().await;
    mail.hold();
    register(&server.client(), "ada@example.org").await;
    mail.receives(1).await;
    server.kill9();
    assert!(!rows(&server).await[0].1, "it does not know that the server has it");
    mail.release();
    server.start_again().await;
    // the lease of the dead one would end by itself in a minute
    let sql = "UPDATE bus.mail SET next_attempt_at = now()";
    server.database().client().await.batch_execute(sql).await.unwrap();
    let letters = mail.receives(2).await;
    assert_eq!(letters[0].message_id, letters[1].message_id);
    eventually(PATIENCE, async || rows(&server).await[0].1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_mail_and_send_each_once() {
    let mail = MailServer::start(Mode::Plain);
    let first = sending_to(&mail).start().await;
    let second = sending_to(&mail).database_url(first.database().url()).start().await;
    let clients = [first.client(), second.client()];
    let all = (0..20).map(|i| {
        let client = &clients[i % 2];
        async move { register(client, &format!("donor{i}@example.org")).await }
    });
    futures_util::future::join_all(all).await;
    eventually(PATIENCE, async || rows(&first).await.iter().all(|row| row.1)).await;
    let letters = mail.letters();
    let ids: std::collections::HashSet<_> = letters.iter().map(|l| &l.message_id).collect();
    assert_eq!((letters.len(), ids.len()), (20, 20));
}
