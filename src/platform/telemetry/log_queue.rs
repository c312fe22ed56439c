//! Where lines of the log wait for the thread that writes them.
//!
//! What waits is written in one piece, and then nothing for [`REST`] unless much comes: a thread that
//! is woken for each line took a twentieth of the processor's time under load. A line of a quiet log
//! is written as soon as it comes.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

/// From one piece to the next.
const REST: Duration = Duration::from_millis(20);

/// So many bytes are written without a rest.
const ENOUGH: usize = 256 * 1024;

/// So many wait at most; what comes when nobody takes them is dropped.
const MOST: usize = 8 * 1024 * 1024;

/// How long the end of the process waits for a log that nobody takes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lines. Clones share what waits.
#[derive(Clone)]
pub struct LogQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Lines for which there was no room.
    dropped: u64,
    closed: bool,
}

/// Writes what still waits when it is dropped: keep it until the end.
pub struct LogGuard {
    queue: LogQueue,
    /// Closed by the thread when it has written all.
    ended: Receiver<()>,
}

impl LogQueue {
    /// Starts the thread that writes to `log`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(log: impl Write + Send + 'static) -> io::Result<(Self, LogGuard)> {
        let queue = Self(Arc::default());
        let (ending, ended) = channel();
        let shared = Arc::clone(&queue.0);
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            shared.write(log);
            drop(ending);
        })?;
        Ok((queue.clone(), LogGuard { queue, ended }))
    }

    /// Whole lines, with their breaks. Never waits for the log.
    pub fn push(&self, lines: &[u8]) {
        let mut waiting = self.0.lock();
        let (before, after) = (waiting.lines.len(), waiting.lines.len() + lines.len());
        if after > MOST {
            waiting.dropped += 1;
            return;
        }
        waiting.lines.extend_from_slice(lines);
        drop(waiting);
        if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.0.changed.notify_one();
        }
    }
}

impl Write for LogQueue {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.push(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogGuard {
    /// The thread ends when it has written what waits.
    fn close(&self) {
        self.queue.0.lock().closed = true;
        self.queue.0.changed.notify_one();
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.close();
        // whoever does not take the log would not take a word about that either
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the queue is closed and empty.
    fn write(&self, mut log: impl Write) {
        let mut lines = Vec::new();
        loop {
            let nothing = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
            let waiting = self.changed.wait_while(self.lock(), nothing);
            let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            if waiting.lines.is_empty() {
                return;
            }
            mem::swap(&mut lines, &mut waiting.lines);
            let dropped = mem::take(&mut waiting.dropped);
            drop(waiting);
            // there is no other place to say that this one fails
            let _ = log.write_all(&lines).and_then(|()| log.flush());
            lines.clear();
            lines.shrink_to(2 * ENOUGH);
            if dropped > 0 {
                tracing::warn!(dropped, "the log was not taken as fast as it came");
            }
            let little = |waiting: &mut Waiting| waiting.lines.len() < ENOUGH && !waiting.closed;
            drop(self.changed.wait_timeout_while(self.lock(), REST, little));
        }
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::mpsc::RecvError;

    use super::*;

    /// A log in memory.
    #[derive(Clone, Default)]
    pub struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits for the thread, however long it takes: a guard alone gives up on a slow machine.
    pub fn finish(guard: &LogGuard) {
        guard.close();
        assert_eq!(guard.ended.recv(), Err(RecvError));
    }

    #[test]
    fn each_line_of_each_thread_is_written_once_and_in_order() {
        let buffer = Buffer::default();
        let (queue, guard) = LogQueue::start(buffer.clone()).unwrap();
        let lines = |name: usize| (0..5_000).map(move |n| format!("{name} {n}\n"));
        thread::scope(|scope| {
            for name in 0..4 {
                let queue = queue.clone();
                scope.spawn(move || lines(name).for_each(|line| queue.push(line.as_bytes())));
            }
        });
        finish(&guard);
        let text = buffer.text();
        for name in 0..4 {
            let prefix = format!("{name} ");
            let of_one = text.split_inclusive('\n').filter(|line| line.starts_with(&prefix));
            assert!(of_one.eq(lines(name)), "of thread {name}");
        }
        assert_eq!(text.lines().count(), 4 * 5_000);
    }

    #[test]
    fn a_log_that_nobody_takes_holds_nobody_up_and_loses_whole_lines() {
        let buffer = Buffer::default();
        let held = buffer.0.lock().unwrap();
        let (queue, guard) = LogQueue::start(buffer.clone()).unwrap();
        let line = "x".repeat(999) + "\n";
        queue.push(line.as_bytes());
        // the thread has it, and is held up by the log before it can take more
        while !queue.0.lock().lines.is_empty() {
            thread::yield_now();
        }
        let room = MOST / line.len();
        for _ in 0..room + 1_000 {
            queue.push(line.as_bytes());
        }
        assert_eq!(queue.0.lock().dropped, 1_000);
        // gives up
        drop(guard);
        drop(held);
        let shared = Arc::downgrade(&queue.0);
        drop(queue);
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
        assert_eq!(buffer.text(), line.repeat(1 + room));
    }
}
