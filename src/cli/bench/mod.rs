//! `careforall bench`: drives a running server, as hard as it can or at a given rate, and checks
//! that whatever the server acknowledged is counted, once.
//!
//! **Who acts.** A process of its own, which shares the machine with the server and therefore
//! spends little: bare HTTP/1.1 on kept connections, requests written into used buffers.
//!
//! **What always holds.** A run is bounded in time. It makes campaigns of its own and gives to them
//! only. It ends with an error when a gift is missing or counted twice, when anything failed, or
//! when a given rate was not reached.
//!
//! **How it fails.** A server without the sandbox bank is not driven: it may take real money.

mod donor;
mod ground;
mod http;
mod load;
mod report;
mod tally;
mod verify;
mod visitor;

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use anyhow::{anyhow, ensure};
use clap::{Args, ValueEnum};
use reqwest::Url;
use secrecy::SecretString;

use ground::{Ground, Wanted};
use load::Plan;
use report::Report;
use tally::Tally;
use verify::Verdict;
use visitor::Work;

/// What is done over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Pledges with new keys.
    Pledges,
    /// Totals, as pages ask for them.
    Totals,
    /// Webhooks, each a new event; with `--repeat` the same few again and again.
    Webhooks,
    /// Whole gifts: pledge, payment, authorized, captured, until counted.
    Donations,
    /// A busy night: 90 % totals and campaign pages, 10 % calls of gifts.
    Mixed,
    /// Whole gifts, all to one campaign.
    Hot,
    /// Whole gifts, to 1,000 campaigns.
    Spread,
    /// The yardstick: GET / of `examples/empty_handler.rs`.
    EmptyGet,
    /// The same with POST.
    EmptyPost,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    scenario: Scenario,
    /// The server, in development, with its rate limits off.
    #[arg(long, env = "CAREFORALL_DEV_URL", default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// Connections, each with one request at a time.
    #[arg(long, short, default_value = "64")]
    connections: NonZeroU32,
    /// Threads of the generator.
    #[arg(long, short, default_value = "2")]
    threads: NonZeroU32,
    /// Seconds that are measured.
    #[arg(long, short, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Seconds before that.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=600))]
    warm_up: u64,
    /// Rounds in a second; without it, as many as the server takes.
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Campaigns that the load is spread over [default: 1; 1,000 for `spread`]
    #[arg(long)]
    campaigns: Option<NonZeroUsize>,
    /// Payments that the webhooks are about.
    #[arg(long, default_value = "2000")]
    payments: NonZeroUsize,
    /// Webhooks: the same events again and again.
    #[arg(long)]
    repeat: bool,
    /// Donors beside the load who measure how long a gift takes to be counted.
    #[arg(long, default_value_t = 0)]
    probes: usize,
    /// What the server verifies webhooks with.
    #[arg(long, env = "CAREFORALL_SANDBOX__WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<SecretString>,
    /// JSON on standard output, the table on standard error.
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("not a rate".to_owned()) }
}

impl BenchArgs {
    fn work(&self) -> Work {
        match self.scenario {
            Scenario::Pledges => Work::Pledges,
            Scenario::Totals => Work::Totals,
            Scenario::Webhooks => Work::Webhooks { repeated: self.repeat },
            Scenario::Donations | Scenario::Hot | Scenario::Spread => Work::Donations,
            Scenario::Mixed => Work::Mixed,
            Scenario::EmptyGet => Work::EmptyGet,
            Scenario::EmptyPost => Work::EmptyPost,
        }
    }

    fn campaigns(&self) -> usize {
        let usual = if self.scenario == Scenario::Spread { 1000 } else { 1 };
        self.campaigns.map_or(usual, NonZeroUsize::get)
    }

    fn plan(&self) -> Plan {
        Plan {
            work: self.work(),
            connections: self.connections.get(),
            threads: self.threads.get().min(self.connections.get()),
            rate: self.rate,
            warm_up: Duration::from_secs(self.warm_up),
            duration: Duration::from_secs(self.seconds),
        }
    }

    async fn ground(&self) -> anyhow::Result<Ground> {
        let webhooks = matches!(self.work(), Work::Webhooks { .. });
        match self.work() {
            Work::EmptyGet | Work::EmptyPost => return Ground::bare(&self.url).await,
            Work::Pledges | Work::Totals if self.probes == 0 => {}
            _ => ensure!(
                self.webhook_secret.is_some(),
                "this scenario sends webhooks: set CAREFORALL_SANDBOX__WEBHOOK_SECRET \
                 (whsec_<base64>) for the server and here"
            ),
        }
        let wanted = Wanted {
            url: &self.url,
            campaigns: self.campaigns(),
            probes: self.probes,
            payments: if webhooks { self.payments.get() } else { 0 },
            webhook_secret: self.webhook_secret.as_ref(),
        };
        Ground::prepare(&wanted).await
    }
}

/// Prepares, drives, checks and reports.
pub async fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let ground = Arc::new(args.ground().await?);
    let plan = args.plan();
    let tally = load::drive(plan, &ground).await?;
    let checked = check(&ground, &tally).await;
    let name = args.scenario.to_possible_value();
    let report = Report {
        scenario: name.as_ref().map_or("", |name| name.get_name()),
        plan,
        campaigns: ground.spread(),
        tally: &tally,
        verdict: checked.as_ref().ok().copied().flatten(),
    };
    if args.json {
        println!("{:#}", report.json());
        eprint!("{report}");
    } else {
        print!("{report}");
    }
    checked?;
    ensure!(tally.failures == 0, "{} requests failed", tally.failures);
    ensure!(tally.unsent == 0, "the rate was not reached");
    Ok(())
}

/// Whether everything is counted once; nothing to count for the empty handler.
async fn check(ground: &Ground, tally: &Tally) -> anyhow::Result<Option<Verdict>> {
    if ground.campaigns.is_empty() {
        return Ok(None);
    }
    let said = if ground.paid.is_empty() {
        tally.said.clone()
    } else {
        ground.capture_all().await?;
        ground.said_of_payments()
    };
    let checked = verify::counted_once(ground, &said).await;
    checked.map(Some).map_err(|error| anyhow!("NOT AS IT SHOULD BE: {error:#}"))
}
