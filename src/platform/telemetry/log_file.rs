//! A log that may be a file on the disk of the database.

use std::{
    io::{self, Write},
    os::fd::AsFd,
};

/// Bytes from one advice to the next.
const STEP: usize = 1024 * 1024;

/// Has a log file written to its disk as it grows. Linux by itself lets half a minute's lines gather,
/// hundreds of megabytes under load, and writes them in one piece, beside which no commit gets
/// through. What is not a file takes no advice and is not asked again.
pub struct WrittenBack<L> {
    log: L,
    /// Bytes since the last advice.
    fresh: usize,
    takes_advice: bool,
}

impl<L: Write + AsFd> WrittenBack<L> {
    pub const fn new(log: L) -> Self {
        Self { log, fresh: 0, takes_advice: true }
    }
}

impl<L: Write + AsFd> Write for WrittenBack<L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.log.write(bytes)?;
        self.fresh += written;
        if self.takes_advice && self.fresh >= STEP {
            self.fresh = 0;
            self.takes_advice = start_writing_back(&self.log);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.log.flush()
    }
}

/// Starts it and does not wait. The pages are not needed any more either: the database's are.
#[cfg(target_os = "linux")]
fn start_writing_back(file: impl AsFd) -> bool {
    use rustix::fs::{Advice, fadvise};

    fadvise(file, 0, None, Advice::DontNeed).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn start_writing_back(_: impl AsFd) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Read, pipe},
        thread,
    };

    use super::*;

    /// More than two steps.
    fn lines() -> Vec<u8> {
        b"a line of the log\n".repeat(2 * STEP / 16)
    }

    #[test]
    fn a_file_has_every_byte_and_takes_advice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = WrittenBack::new(File::create(&path).unwrap());
        let lines = lines();
        log.write_all(&lines[..STEP - 1]).unwrap();
        assert_eq!(log.fresh, STEP - 1);
        log.write_all(&lines[STEP - 1..]).unwrap();
        assert!(log.fresh < STEP);
        assert_eq!(log.takes_advice, cfg!(target_os = "linux"));
        assert_eq!(std::fs::read(&path).unwrap(), lines);
    }

    #[test]
    fn a_pipe_has_every_byte_and_is_asked_once() {
        let (mut reader, writer) = pipe().unwrap();
        let read = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        let mut log = WrittenBack::new(writer);
        log.write_all(&lines()).unwrap();
        assert!(!log.takes_advice);
        drop(log);
        assert_eq!(read.join().unwrap(), lines());
    }
}
