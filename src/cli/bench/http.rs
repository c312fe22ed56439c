//! A client that costs little: the load generator shares the machine with the server it measures.
//! One connection, one request at a time, buffers that are used again; HTTP/1.1 with sized bodies,
//! which is all that the server sends.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
    net::SocketAddr,
    time::Duration,
};

use httparse::{EMPTY_HEADER, Header, Status};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Answers of ours stay far below it.
const ROOM: usize = 64 * 1024;
const MAX_HEADERS: usize = 48;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// One connection to the server.
pub struct Http {
    address: SocketAddr,
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    /// The last answer said so: a proxy ends connections that have carried many requests.
    closing: bool,
}

pub struct Reply<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Http {
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let (request, answer) = (Vec::with_capacity(1024), vec![0; ROOM]);
        Ok(Self { address, stream: open(address).await?, request, answer, closing: false })
    }

    /// After an error: what was under way on the old connection is lost.
    pub async fn reconnect(&mut self) -> io::Result<()> {
        self.stream = open(self.address).await?;
        self.closing = false;
        Ok(())
    }

    pub async fn get(&mut self, path: &str) -> io::Result<Reply<'_>> {
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address)?;
        self.exchange().await
    }

    /// `headers` are whole lines, each with its line break.
    pub async fn post(
        &mut self,
        path: &str,
        headers: impl Display,
        body: &[u8],
    ) -> io::Result<Reply<'_>> {
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        )?;
        self.request.extend_from_slice(body);
        self.exchange().await
    }

    async fn exchange(&mut self) -> io::Result<Reply<'_>> {
        if self.closing {
            self.reconnect().await?;
        }
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..]).await?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(head) = parse(&self.answer[..filled])? {
                if filled > head.end {
                    return Err(invalid("more than one answer"));
                }
                let rest = self.answer.get_mut(filled..head.end).ok_or_else(too_large)?;
                self.stream.read_exact(rest).await?;
                self.closing = head.closing;
                return Ok(Reply {
                    status: head.status,
                    body: &self.answer[head.body_at..head.end],
                });
            }
            if filled == ROOM {
                return Err(too_large());
            }
        }
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What the head of an answer says; the places are from its first byte.
#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    body_at: usize,
    end: usize,
    /// The connection carries no further request.
    closing: bool,
}

/// `None` while the head is not whole.
fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(body_at)) => {
            let status = response.code.ok_or_else(|| invalid("no status"))?;
            let end = body_at + body_length(response.headers, status)?;
            let closing = header(response.headers, "connection")
                .is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
            Ok(Some(Head { status, body_at, end, closing }))
        }
        Err(error) => Err(invalid(error)),
    }
}

fn header<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

fn body_length(headers: &[Header<'_>], status: u16) -> io::Result<usize> {
    if matches!(status, 204 | 304) {
        return Ok(0);
    }
    let value = header(headers, "content-length")
        .ok_or_else(|| invalid("an answer without a content-length"))?;
    let text = std::str::from_utf8(value).map_err(invalid)?;
    text.trim().parse().map_err(invalid)
}

fn too_large() -> io::Error {
    invalid("an answer of more than 64 KiB")
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_read_once_its_head_is_whole() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        for cut in 0..whole.len() - 2 {
            assert_eq!(parse(&whole[..cut]).unwrap(), None, "{cut}");
        }
        let body_at = whole.len() - 2;
        let head = Head { status: 201, body_at, end: whole.len(), closing: false };
        assert_eq!(parse(&whole[..body_at]).unwrap(), Some(head));
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused_unless_it_has_no_body() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").is_err());
        let head = Head { status: 304, body_at: 29, end: 29, closing: false };
        assert_eq!(parse(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap(), Some(head));
    }

    /// nginx ends a connection after 1,000 requests, and says so in the last answer.
    #[tokio::test]
    async fn a_connection_that_ends_politely_is_followed_by_another() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = async {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 256];
                assert!(stream.read(&mut request).await.unwrap() > 0);
                let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
            }
        };
        let client = async {
            let mut http = Http::connect(address).await.unwrap();
            for _ in 0..2 {
                assert_eq!(http.get("/").await.unwrap().body, b"{}");
            }
        };
        tokio::join!(proxy, client);
    }
}
