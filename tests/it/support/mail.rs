//! Mail: as a real server receives it, and as files in a folder.

use std::{
    fs,
    future::ready,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PYTHON, Server, ports::lasting_ports, process::Leashed, sources, wait::eventually};

/// More mails than any test sends.
const MOST: usize = 1000;

const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// A mail that has arrived.
#[derive(Debug, Clone)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub message_id: String,
    pub body: String,
    /// Over an encrypted connection.
    pub tls: bool,
    /// From somebody who has signed in.
    pub user: bool,
}

impl Letter {
    fn parse(to: &str, text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim_start_matches(':').trim().to_owned()
        };
        let to = if to.is_empty() { header("To") } else { to.to_owned() };
        let (subject, message_id) = (header("Subject"), header("Message-ID"));
        Self { to, subject, message_id, body: body.to_owned(), tls: false, user: false }
    }

    /// The token, which stands on a line of its own.
    #[track_caller]
    pub fn token(&self) -> String {
        let line = self.body.lines().find_map(|line| line.strip_prefix("    "));
        line.unwrap_or_else(|| panic!("no token in {:?}", self.subject)).to_owned()
    }
}

/// What a development server has written to its folder so far, oldest first.
pub fn written(server: &Server) -> Vec<Letter> {
    let folder = server.directory().join("data/mail");
    let mut files: Vec<_> = fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|file: &PathBuf| file.extension().is_some_and(|ending| ending == "eml"));
    files.sort();
    files.iter().map(|file| Letter::parse("", &fs::read_to_string(file).unwrap())).collect()
}

/// Waits for as many mails to this address, and returns them.
#[track_caller]
pub fn arrive(server: &Server, email: &str, number: usize) -> impl Future<Output = Vec<Letter>> {
    eventually(ARRIVES_WITHIN, move || {
        let mine: Vec<_> = written(server).into_iter().filter(|l| l.to == email).collect();
        ready((mine.len() >= number).then_some(mine))
    })
}

/// The access token of a magic link to this address, the `number`th mail that arrives there.
pub async fn redeem_magic_link(server: &Server, email: &str, number: usize) -> String {
    const LINKS: &str = "/api/v1/auth/magic-links";
    let client = server.client();
    client.post(LINKS).json(json!({ "email": email })).send().await.expect(202);
    let token = arrive(server, email, number).await[number - 1].token();
    let redeem = client.post(&format!("{LINKS}/redeem")).json(json!({ "token": token }));
    redeem.send().await.expect(200).text("access_token")
}

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Plain,
    StartTls,
    Tls,
}

/// aiosmtpd, to switch off and on.
pub struct MailServer {
    mode: Mode,
    port: u16,
    folder: TempDir,
    process: Option<Leashed>,
}

impl MailServer {
    pub fn start(mode: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { mode, port: lasting_ports(1)[0], folder, process: None };
        server.start_again();
        server
    }

    /// Connections are refused from now on.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// On the same port, with the mails it has.
    pub fn start_again(&mut self) {
        let mode = match self.mode {
            Mode::Plain => "plain",
            Mode::StartTls => "starttls",
            Mode::Tls => "tls",
        };
        let mut command = Command::new(&*PYTHON);
        command.arg(sources::root().join("tests/smtp_server.py")).arg(self.folder.path());
        command.args([mode, &self.port.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Leashed::spawn(&mut command);
        let mut line = String::new();
        BufReader::new(process.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening "), "the mail server does not start");
        self.process = Some(process);
    }

    pub fn url(&self) -> String {
        match self.mode {
            Mode::Plain => format!("smtp://127.0.0.1:{}", self.port),
            Mode::StartTls => format!("smtp://u:p@localhost:{}?tls=required", self.port),
            Mode::Tls => format!("smtps://localhost:{}", self.port),
        }
    }

    /// Who has issued its certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Mails are kept, and not acknowledged until [`Self::release`].
    pub fn hold(&self) {
        fs::write(self.folder.path().join("hold"), "").unwrap();
    }

    pub fn release(&self) {
        fs::remove_file(self.folder.path().join("hold")).unwrap();
    }

    /// What has arrived, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        let file = |number: usize| self.folder.path().join(format!("{number}.json"));
        (0..MOST).map(file).take_while(|file| file.exists()).map(|file| read(&file)).collect()
    }

    /// Waits until as many mails are there.
    #[track_caller]
    pub fn receives(&self, number: usize) -> impl Future<Output = Vec<Letter>> {
        eventually(ARRIVES_WITHIN, move || {
            let letters = self.letters();
            ready((letters.len() >= number).then_some(letters))
        })
    }
}

fn read(file: &Path) -> Letter {
    let mail: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let letter = Letter::parse(mail["to"][0].as_str().unwrap(), mail["text"].as_str().unwrap());
    Letter { tls: mail["tls"] == true, user: mail["user"] == true, ..letter }
}
