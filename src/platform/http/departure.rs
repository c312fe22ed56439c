//! Answers that nobody takes.
//!
//! Actix bounds how long a request may take to arrive, not how long its answer may take to leave: a
//! client that asks for much and reads a byte now and then would keep the answer's memory, and a
//! place among the connections, for as long as it likes. So what is written to a connection goes
//! through [`Departing`]. As soon as the kernel takes no more, a clock runs until all that there is
//! to send has left; who is too slow is cut off, and what was left unsent is thrown away.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

/// Whoever reads at least as much in a second may take as long as an answer is.
const LEAST_BYTES_PER_SECOND: u32 = 8 * 1024;

/// A connection whose other side has to read.
#[derive(Debug)]
pub struct Departing {
    stream: TcpStream,
    patience: Duration,
    held_up: Option<HeldUp>,
}

/// Something waits to leave.
#[derive(Debug)]
struct HeldUp {
    until: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Departing {
    /// Who reads nothing is cut off after `patience`.
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, held_up: None }
    }

    /// The kernel takes no more at this moment.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let held_up = self.held_up.get_or_insert_with(|| {
            let until = Instant::now() + self.patience;
            HeldUp { until, timer: Box::pin(sleep_until(until)) }
        });
        if held_up.timer.deadline() != held_up.until {
            held_up.timer.as_mut().reset(held_up.until);
        }
        ready!(held_up.timer.as_mut().poll(cx));
        // or the kernel would go on trying to send what it has taken
        if let Err(error) = self.stream.set_zero_linger() {
            tracing::debug!(%error, "a connection that is cut off could not be reset");
        }
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client does not read"))
    }

    /// So much has left.
    fn left(&mut self, bytes: usize) {
        if let Some(held_up) = &mut self.held_up {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            held_up.until += Duration::from_secs(1) * bytes / LEAST_BYTES_PER_SECOND;
        }
    }
}

impl AsyncRead for Departing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Departing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(written)) => {
                self.left(written);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.wait(cx).map(Err),
        }
    }

    /// Called when nothing more is there to be written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.held_up = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
