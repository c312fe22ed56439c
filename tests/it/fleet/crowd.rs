//! One address that asks for everything at once.

use std::{io::Write, net::TcpStream};

use super::nginx::Balancer;
use crate::support::{Client, donation::PATIENCE, eventually, ports::lasting_ports};

/// As `deploy/nginx/locations.conf` says.
const MOST: usize = 256;

/// A request whose body does not come.
fn begin(balancer: &Balancer) -> TcpStream {
    let mut stream = TcpStream::connect(balancer.base().trim_start_matches("http://")).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").unwrap();
    stream
}

/// No replica runs: who is let through is told so.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_requests_at_once_and_no_more() {
    let balancer = Balancer::start(&lasting_ports(3));
    let client = Client::new(balancer.base());
    let ask = async || client.get("/livez").send().await;
    let mut begun: Vec<TcpStream> = (1..MOST).map(|_| begin(&balancer)).collect();
    ask().await.expect_problem(503, "overloaded");
    begun.push(begin(&balancer));
    let refused = eventually(PATIENCE, || async {
        let answer = ask().await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    refused.expect_problem(429, "rate-limited");
    drop(begun);
    eventually(PATIENCE, || async { ask().await.status == 503 }).await;
}
