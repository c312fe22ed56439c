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
}

pub struct Reply<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Http {
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let (request, answer) = (Vec::with_capacity(1024), vec![0; ROOM]);
        Ok(Self { address, stream: open(address).await?, request, answer })
    }

    /// After an error: what was under way on the old connection is lost.
    pub async fn reconnect(&mut self) -> io::Result<()> {
        self.stream = open(self.address).await?;
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
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..]).await?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some((status, body_at, end)) = parse(&self.answer[..filled])? {
                return match filled.cmp(&end) {
                    std::cmp::Ordering::Less => {
                        let rest = self.answer.get_mut(filled..end).ok_or_else(too_large)?;
                        self.stream.read_exact(rest).await?;
                        Ok(Reply { status, body: &self.answer[body_at..end] })
                    }
                    std::cmp::Ordering::Equal => {
                        Ok(Reply { status, body: &self.answer[body_at..end] })
                    }
                    std::cmp::Ordering::Greater => Err(invalid("more than one answer")),
                };
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

/// Status, where the body begins and where it ends; `None` while the head is not whole.
fn parse(bytes: &[u8]) -> io::Result<Option<(u16, usize, usize)>> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(head)) => {
            let status = response.code.ok_or_else(|| invalid("no status"))?;
            let length = body_length(response.headers, status)?;
            Ok(Some((status, head, head + length)))
        }
        Err(error) => Err(invalid(error)),
    }
}

fn body_length(headers: &[Header<'_>], status: u16) -> io::Result<usize> {
    if matches!(status, 204 | 304) {
        return Ok(0);
    }
    let found = headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let value = found.ok_or_else(|| invalid("an answer without a content-length"))?.value;
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
    use super::*;

    #[test]
    fn an_answer_is_read_once_its_head_is_whole() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        for cut in 0..whole.len() - 2 {
            assert_eq!(parse(&whole[..cut]).unwrap(), None, "{cut}");
        }
        let head = whole.len() - 2;
        assert_eq!(parse(&whole[..head]).unwrap(), Some((201, head, whole.len())));
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused_unless_it_has_no_body() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").is_err());
        assert_eq!(parse(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap(), Some((304, 29, 29)));
    }
}
