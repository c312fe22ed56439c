//! Places for connections: how many there are, and who may not keep one.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::sleep,
};

use super::raw::{LIVEZ, Wire};
use crate::support::Server;

/// Two megabytes on one page.
const LONG: &str = "
    INSERT INTO campaign.campaigns (id, owner_id, title, description, goal_minor, currency, status,
           allow_overfunding, published_at, created_at, updated_at, version)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Wells', repeat('w', 20000), 100, 'USD', 'active',
           true, now(), now(), now(), 1
      FROM generate_series(1, 100);
    INSERT INTO totals.campaign_totals (campaign_id, currency, goal_minor, campaign_version,
           published, updated_at)
    SELECT id, 'USD', 100, 1, true, now() FROM campaign.campaigns;";

/// Places for so many, and a second of patience with those who do not read.
async fn server(places: usize) -> Server {
    let server = Server::builder()
        .env("CAREFORALL_HTTP__WORKERS", 1)
        .env("CAREFORALL_HTTP__MAX_CONNECTIONS", places)
        .env("CAREFORALL_HTTP__READ_TIMEOUT_SECONDS", 1)
        .start()
        .await;
    server.database().client().await.batch_execute(LONG).await.unwrap();
    server
}

/// A client with so little room (bytes) for what it asks for: eight megabytes, twice what a kernel
/// keeps for one connection.
async fn asks_for_much(server: &Server, room: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(room).unwrap();
    let address = server.base().trim_start_matches("http://").parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = "GET /api/v1/campaigns?limit=100 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.repeat(4).as_bytes()).await.unwrap();
    stream
}

async fn says_livez(wire: &mut Wire) {
    assert!(wire.send(LIVEZ).await);
    assert_eq!(wire.answer().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_as_many_connections_as_are_configured_and_others_wait() {
    let server = server(2).await;
    let (mut first, mut second) = (Wire::to(&server).await, Wire::to(&server).await);
    says_livez(&mut first).await;
    says_livez(&mut second).await;
    let mut third = Wire::to(&server).await;
    assert!(third.send(LIVEZ).await, "the kernel takes it");
    for _ in 0..50 {
        says_livez(&mut first).await;
        says_livez(&mut second).await;
    }
    assert!(third.hears_nothing(), "there is no place for it");
    drop(first);
    assert_eq!(third.answer().await.unwrap().status, 200, "now there is");
    says_livez(&mut second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_loses_its_place() {
    let server = server(1).await;
    let silent = asks_for_much(&server, 4096).await;
    let mut next = Wire::to(&server).await;
    says_livez(&mut next).await;
    drop((silent, next));

    let mut dribbling = asks_for_much(&server, 4096).await;
    let reading = tokio::spawn(async move {
        let mut read = 0;
        while dribbling.read_u8().await.is_ok() {
            read += 1;
            sleep(Duration::from_millis(50)).await;
        }
        read
    });
    says_livez(&mut Wire::to(&server).await).await;
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_slowly_but_steadily_gets_all_of_it() {
    let server = server(1).await;
    let begun = Instant::now();
    // more than a segment of the loopback's, without which the kernel sends by its own slow clock
    let mut stream = asks_for_much(&server, 1 << 18).await;
    let (mut read, mut buffer) = (0, vec![0; 64 * 1024]);
    while read < 8_000_000 {
        let length = stream.read(&mut buffer).await.expect("it is not cut off");
        assert!(length > 0, "it ended after {read} bytes");
        read += length;
        // longer in all than the second that somebody who does not read would have
        if begun.elapsed() < Duration::from_secs(3) {
            sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(begun.elapsed() > Duration::from_secs(1), "it was read too quickly to tell");
}
