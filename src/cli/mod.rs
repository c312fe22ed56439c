//! The command line: which commands there are, and where their work is done.

mod admin;
mod bench;
mod demo;
mod fill;
mod health;
mod keys;
mod migrate;
mod reconcile;
mod restored;

use clap::{Args, Parser, Subcommand};

use crate::{
    app,
    config::Config,
    platform::embedded_postgres::{self, GuardArgs},
};

#[derive(Debug, Parser)]
#[command(name = "careforall", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; what is done without a command.
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// After the database was restored from a backup, before the first replica is started.
    Restored {
        /// How far back the backup may reach: for so long the providers' books are compared.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=744))]
        hours: u16,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Compare all books; fails when they differ.
    Reconcile {
        /// Count wrong totals anew; fails only when something is left that a person has to mend.
        #[arg(long)]
        repair: bool,
    },
    /// Administrators.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// The keys that sign tokens.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the server on this machine whether it should get traffic; fails if not. For containers.
    Health,
    /// A whole donation against a running server, each step checked.
    Demo(DemoArgs),
    /// Drives a running server, measures it, and checks that every gift is counted once.
    Bench(bench::BenchArgs),
    /// Fill an empty development database with years of gifts.
    Fill(fill::FillArgs),
    /// The process that owns the embedded Postgres; not for people.
    #[command(name = embedded_postgres::GUARD_COMMAND, hide = true)]
    PgGuard(GuardArgs),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make an administrator; the password is read from the terminal or from standard input.
    Create {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a new one, which signs in an hour; tokens of the former stay good until they expire.
    Rotate {
        /// It signs in half a minute; who has kept the published keys may not know it yet.
        #[arg(long)]
        hurry: bool,
    },
    /// Print the keys whose tokens are good.
    List,
    /// Refuse the tokens of a former key from now on.
    Revoke {
        /// As `list` prints it; one in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the effective configuration, secrets masked, and everything that is wrong with it;
    /// fails if anything is.
    Check,
}

/// What the demonstration needs to know.
#[derive(Debug, Args)]
struct DemoArgs {
    /// The server, with its sandbox on.
    #[arg(long, env = "CAREFORALL_DEV_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
}

/// Reads the command line and does what it says.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().command.unwrap_or(Command::Serve) {
        // first of all: the guard must have neither a runtime nor threads
        Command::PgGuard(args) => embedded_postgres::run_guard(&args),
        Command::Config(ConfigCommand::Check) => check_config(),
        Command::Openapi => print_openapi(),
        Command::Serve => runtime()?.block_on(app::serve(Config::load()?)),
        Command::Migrate => runtime()?.block_on(migrate::run(&Config::load()?)),
        Command::Restored { hours } => runtime()?.block_on(restored::run(&Config::load()?, hours)),
        Command::Keys(KeysCommand::Rotate { hurry }) => {
            runtime()?.block_on(keys::rotate(&Config::load()?, hurry))
        }
        Command::Keys(KeysCommand::List) => runtime()?.block_on(keys::list(&Config::load()?)),
        Command::Keys(KeysCommand::Revoke { id }) => {
            runtime()?.block_on(keys::revoke(&Config::load()?, &id))
        }
        Command::Reconcile { repair } => {
            runtime()?.block_on(reconcile::run(&Config::load()?, repair))
        }
        Command::Health => runtime()?.block_on(health::run(&Config::load()?)),
        Command::Demo(args) => runtime()?.block_on(demo::run(&args.url)),
        Command::Bench(args) => runtime()?.block_on(bench::run(&args)),
        Command::Fill(args) => runtime()?.block_on(fill::run(&Config::load()?, &args)),
        Command::Admin(AdminCommand::Create { email, name }) => {
            runtime()?.block_on(admin::create(&Config::load()?, &email, name.as_deref()))
        }
    }
}

fn check_config() -> anyhow::Result<()> {
    let (config, problems) = Config::review();
    if let Some(config) = config {
        print!("{}", config.masked());
        for warning in config.warnings() {
            eprintln!("note: {warning}");
        }
    }
    for problem in &problems {
        eprintln!("problem: {problem}");
    }
    anyhow::ensure!(problems.is_empty(), "the start would be refused");
    Ok(())
}

fn print_openapi() -> anyhow::Result<()> {
    println!("{}", app::document(true)?.to_pretty_json()?);
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_begin_with_a_hyphen() {
        let id = "-sdS_Cf_uEAJjBl4i0iUbozBYBRKMlwXFtaPZFNcwxM";
        let Some(Command::Keys(KeysCommand::Revoke { id: read })) =
            Cli::try_parse_from(["careforall", "keys", "revoke", id]).unwrap().command
        else {
            panic!("another command");
        };
        assert_eq!(read, id);
    }
}
