//! `careforall admin create`: the first administrator.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::ensure;

use crate::{app, config::Config, modules::auth::api::create_admin, platform::audit::Author};

/// Makes an administrator. An existing account is refused, never promoted.
pub async fn create(config: &Config, email: &str, name: Option<&str>) -> anyhow::Result<()> {
    let password = read_password()?;
    let author = Author::command_line("careforall admin create");
    let user = app::with_database(config, async |database| {
        Ok(create_admin(database, &author, email, name, &password).await?)
    })
    .await?;
    println!("administrator {} created", user.id);
    Ok(())
}

/// From the terminal without showing it, else the first line of standard input.
fn read_password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let password = ask("Password (12 to 128 characters): ")?;
        ensure!(password == ask("Again: ")?, "the passwords differ");
        return Ok(password);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    let _silence = Silence::start()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    eprintln!();
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal does not echo while this lives.
struct Silence(rustix::termios::Termios);

impl Silence {
    fn start() -> anyhow::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Err(error) = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0) {
            eprintln!("the terminal could not be restored: {error}");
        }
    }
}
