//! Connections: an error must not poison one, and nobody may hold one for ever.

use std::time::{Duration, Instant};

use careforall::platform::http::MAX_BODY_BYTES;

use super::raw::{LIVEZ, Wire, post};
use crate::support::Server;

const LOGIN: &str = "/api/v1/auth/login";

async fn impatient() -> Server {
    Server::builder().env("CAREFORALL_HTTP__READ_TIMEOUT_SECONDS", 1).start().await
}

async fn is_alive(server: &Server) {
    server.client().get("/livez").send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_http_end_with_400_and_the_server_lives() {
    let server = Server::start().await;
    let double =
        "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    let mixed =
        post(LOGIN, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + LIVEZ;
    let garbage: [&[u8]; 7] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nbroken header\r\n\r\n",
        double.as_bytes(),
        mixed.as_bytes(),
    ];
    for bytes in garbage {
        let mut wire = Wire::to(&server).await;
        wire.send(bytes).await;
        let said = String::from_utf8_lossy(&wire.ended().await).into_owned();
        assert!(said.starts_with("HTTP/1.1 400"), "{bytes:?}: {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "nothing after it is taken for a request");
    }
    is_alive(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_header_is_read_and_an_endless_one_is_not() {
    let server = Server::start().await;
    let mut wire = Wire::to(&server).await;
    let header = |bytes: usize| {
        format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(bytes))
    };
    wire.send(header(10_000)).await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    wire.send(header(1_000_000)).await;
    let refusal = wire.answer().await;
    assert!(refusal.is_none_or(|answer| matches!(answer.status, 400 | 431)));
    is_alive(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_comes_is_408() {
    let server = impatient().await;
    for body in ["", "{\"email\":"] {
        let mut wire = Wire::to(&server).await;
        wire.send(post(LOGIN, "Content-Length: 100\r\n") + body).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(answer.status, 408, "{answer:?}");
        assert!(answer.body.contains("request-timeout"), "{answer:?}");
        // the rest of the body must not be taken for a request
        wire.send(LIVEZ).await;
        assert!(wire.answer().await.is_none(), "the connection is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dribbles_is_cut_off() {
    let server = impatient().await;
    let mut head = Wire::to(&server).await;
    head.send("GET /livez HTTP/1.1\r\nHost:").await;
    let said = String::from_utf8_lossy(&head.ended().await).into_owned();
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    // a byte now and then keeps no connection open
    let mut body = Wire::to(&server).await;
    body.send(post(LOGIN, "Transfer-Encoding: chunked\r\n")).await;
    let begun = Instant::now();
    while body.send("1\r\n \r\n").await && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "it is still listening");
    is_alive(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_refused_unread_does_not_become_the_next_request() {
    let server = Server::start().await;
    // announced too long: refused before it is sent
    let mut wire = Wire::to(&server).await;
    wire.send(post(LOGIN, &format!("Content-Length: {}\r\n", MAX_BODY_BYTES + 1))).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!(answer.status, 413, "{answer:?}");
    wire.send(LIVEZ.repeat(10)).await;
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    assert!(wire.answer().await.is_none(), "what follows is the body");
    // sent in chunks, too long only in sum
    let mut wire = Wire::to(&server).await;
    wire.send(post(LOGIN, "Transfer-Encoding: chunked\r\n")).await;
    for _ in 0..5 {
        wire.send(format!("10000\r\n{}\r\n", "x".repeat(0x10000))).await;
    }
    wire.send(format!("0\r\n\r\n{LIVEZ}")).await;
    assert_eq!(wire.answer().await.unwrap().status, 413);
    let next = wire.answer().await;
    assert!(next.is_none_or(|answer| answer.body.contains("alive")));
    is_alive(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_error_the_connection_serves_on() {
    let server = Server::start().await;
    let mut wire = Wire::to(&server).await;
    let refused = [
        (post(LOGIN, "Content-Length: 2\r\n") + "{}", 400),
        (post("/api/v1/campaigns", "Content-Length: 2\r\n") + "{}", 401),
        (post(LOGIN, "Content-Length: 1\r\n") + "{", 400),
        ("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 404),
        ("DELETE /livez HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
    ];
    for (request, status) in refused {
        wire.send(&request).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(answer.status, status, "{request}: {answer:?}");
        if answer.head.contains("connection: close") {
            wire = Wire::to(&server).await;
        }
        wire.send(LIVEZ).await;
        let next = wire.answer().await.unwrap();
        assert_eq!((next.status, next.body.as_str()), (200, r#"{"status":"alive"}"#), "{request}");
    }
}
