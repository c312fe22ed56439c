//! A Redis of the test's own, to switch off and on.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    ports::lasting_ports,
    process::{self, Leashed, Signal},
    wait::eventually_blocking,
};

#[derive(Debug)]
pub struct Redis {
    port: u16,
    directory: TempDir,
    running: Option<Leashed>,
}

impl Redis {
    /// Running and empty, on a port of its own.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut redis = Self { port: lasting_ports(1)[0], directory, running: None };
        // another process may take the port between our look and its start
        for _ in 0..5 {
            if redis.try_start() {
                return redis;
            }
            redis.port = lasting_ports(1)[0];
        }
        panic!("redis-server does not start; is it installed?");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// On the same port, without its data.
    pub fn start_again(&mut self) {
        assert!(self.try_start(), "redis-server does not start again");
    }

    /// Connections are refused from now on.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Connections are accepted, but never answered.
    pub fn pause(&self) {
        process::signal(self.pid(), Signal::STOP);
    }

    pub fn resume(&self) {
        process::signal(self.pid(), Signal::CONT);
    }

    /// Sends one command of plain words, and returns the first line of the answer.
    pub fn command(&self, words: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{words}\r\n").as_bytes())?;
        let mut answer = [0; 512];
        let length = stream.read(&mut answer)?;
        let text = String::from_utf8_lossy(&answer[..length]).into_owned();
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    fn pid(&self) -> u32 {
        self.running.as_ref().expect("it is not running").pid()
    }

    fn try_start(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut redis = Leashed::spawn(&mut command);
        let answers = eventually_blocking(Duration::from_secs(10), || {
            let ended = redis.child.try_wait().unwrap().is_some();
            let answers = self.command("PING").is_ok_and(|answer| answer == "+PONG");
            (ended || answers).then_some(!ended)
        });
        self.running = answers.then_some(redis);
        answers
    }
}

#[test]
fn redis_can_be_switched_off_and_on() {
    let mut redis = Redis::start();
    assert_eq!(redis.command("SET k v").unwrap(), "+OK");
    let pid = redis.pid();
    redis.stop();
    assert!(redis.command("PING").is_err() && !process::is_alive(pid));
    redis.start_again();
    assert_eq!(redis.command("EXISTS k").unwrap(), ":0");
}
