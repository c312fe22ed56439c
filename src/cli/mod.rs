//! The command line: which commands there are, and where their work is done.

mod migrate;

use clap::{Parser, Subcommand};

use crate::{
    config::Config,
    platform::embedded_postgres::{self, GuardArgs},
};

#[derive(Debug, Parser)]
#[command(name = "careforall", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database's schema up to date.
    Migrate,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The process that owns the embedded Postgres; not for people.
    #[command(name = embedded_postgres::GUARD_COMMAND, hide = true)]
    PgGuard(GuardArgs),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the effective configuration, secrets masked, or say what is wrong with it.
    Check,
}

/// Reads the command line and does what it says.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        // first of all: the guard must have neither a runtime nor threads
        Command::PgGuard(args) => embedded_postgres::run_guard(&args),
        Command::Config(ConfigCommand::Check) => check_config(),
        Command::Migrate => runtime()?.block_on(migrate::run(&Config::load()?)),
    }
}

fn check_config() -> anyhow::Result<()> {
    let config = Config::load()?;
    print!("{}", config.masked());
    for warning in config.warnings() {
        eprintln!("note: {warning}");
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
