//! `careforall restored`: what a database that lacks its last minutes needs before it is served.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{
    app,
    config::Config,
    kernel::clock,
    modules::payment::{
        Providers,
        api::{Orphan, ProviderReport, Word, admin, reconcile_provider},
    },
    platform::{idempotency::ReplayCache, postgres::Database},
};

/// Forgets answers that the database may know nothing of, and says which payments the providers
/// have and we do not. What the providers have said since is read again by `serve`, from where the
/// backup had got to.
pub async fn run(config: &Config, hours: u16) -> anyhow::Result<()> {
    app::with_providers(config, async |database, providers| {
        let mut conn = database.conn().await?;
        ReplayCache::begin_epoch(&mut conn).await?;
        admin::expect_lost_calls(&mut conn).await?;
        drop(conn);
        println!("answers that were kept for repetitions are forgotten");
        compare(database, providers, TimeDelta::hours(hours.into())).await
    })
    .await
}

async fn compare(
    database: &Database,
    providers: &Providers,
    back: TimeDelta,
) -> anyhow::Result<()> {
    for provider in providers.all() {
        let now = clock::now();
        // nobody serves now: what differs stays so
        let span = (now - back, now);
        print(&reconcile_provider(database, provider, span, Duration::ZERO).await?);
    }
    Ok(())
}

fn print(report: &ProviderReport) {
    let ProviderReport { provider, from, to, unknown_here, unknown_there, .. } = report;
    let ProviderReport { different, returned, .. } = report;
    println!("{provider}, what was made from {from} to {to}: {} findings", report.findings());
    let orphan = |what: &str, orphan: &Orphan| {
        let Orphan { provider_payment_id, payment_id, currency, captured_minor } = orphan;
        let ours = payment_id.map_or_else(|| "no id of ours".to_owned(), |id| id.to_string());
        println!("  {what}: {provider_payment_id} ({ours}), captured {captured_minor} {currency}");
    };
    for found in unknown_here {
        orphan("lost here", found);
    }
    for found in unknown_there {
        orphan("unknown to the provider", found);
    }
    for found in different {
        println!(
            "  different: {} ({}), captured {} {} here and {} {} there",
            found.provider_payment_id,
            found.payment_id,
            found.ours_captured_minor,
            found.ours_currency,
            found.theirs_captured_minor,
            found.theirs_currency
        );
    }
    let word = |word: Option<Word>| {
        word.map_or_else(|| "unknown".to_owned(), |w| format!("{} {}", w.status, w.amount_minor))
    };
    for found in returned {
        println!(
            "  {} {} of {} ({}): {} here, {} there",
            found.kind.as_str(),
            found.reference,
            found.provider_payment_id,
            found.payment_id,
            word(found.ours),
            word(found.theirs)
        );
    }
}
