//! Bytes on a connection, well-formed or not.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::Server;

/// A connection of our own.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer off the wire: its status, its head and its body as text.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Wire {
    pub async fn to(server: &Server) -> Self {
        let address = server.base().trim_start_matches("http://");
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    /// False when the other side has hung up; what it said before can still be read.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// The next answer; `None` when the connection ends instead.
    pub async fn answer(&mut self) -> Option<Answer> {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None if self.more().await => {}
                None => return None,
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length && self.more().await {}
        let body = self.read.drain(..length.min(self.read.len())).collect();
        Some(Answer { status, head, body: String::from_utf8(body).unwrap() })
    }

    /// Whether nothing has come from the other side so far.
    pub fn hears_nothing(&self) -> bool {
        let mut buffer = [0; 1];
        let error = self.stream.try_read(&mut buffer).map_err(|error| error.kind());
        self.read.is_empty() && error == Err(std::io::ErrorKind::WouldBlock)
    }

    /// Waits for the other side to hang up, and returns what it said before.
    pub async fn ended(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.read)
    }

    /// False at the end of the connection.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 8192];
        let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await;
        let length = read.expect("the server is silent and does not hang up").unwrap_or(0);
        self.read.extend_from_slice(&buffer[..length]);
        length > 0
    }
}

/// A POST of JSON without its body.
pub fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n")
}

pub const LIVEZ: &str = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
