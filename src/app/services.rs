//! Every module's services, wired to each other.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use secrecy::SecretString;
use tokio::{runtime::Handle, sync::Notify};

use super::{expose, resources::Resources};
use crate::{
    config::{Config, Provider as ProviderName},
    modules::{
        admin::AdminService,
        auth::{AuthService, SigningKeys},
        campaign::CampaignService,
        payment::{Door, Guarded, Pace, PaymentService, Providers, api::Provider},
        pledge::{AmountRange, PledgeService},
        sandbox::{SandboxBank, SandboxProvider},
        stripe::StripeProvider,
        totals::TotalsService,
    },
    platform::{
        cache::peers,
        circuit_breaker::Settings,
        event_bus::EventBus,
        http::Health,
        idempotency::ReplayCache,
        mailer::{Folder, Nowhere, Sender, Smtp, Transport},
        postgres::Connection,
        rate_limit::{Quota, Quotas, RateLimiter},
        secrets,
    },
};

#[derive(Clone)]
pub struct Services {
    pub health: Health,
    pub bus: EventBus,
    pub auth: AuthService,
    pub campaigns: CampaignService,
    pub pledges: PledgeService,
    pub payments: PaymentService,
    pub totals: TotalsService,
    pub admin: AdminService,
    pub door: Door,
    pub inbox: Arc<Notify>,
    /// Wakes the mailer.
    pub mail_bell: Arc<Notify>,
    pub sandbox: Option<SandboxBank>,
    /// Absent: nothing is limited.
    pub limiter: Option<RateLimiter>,
    pub mail: Arc<dyn Transport>,
    pub mail_from: Sender,
}

impl Services {
    /// `own_address` is where the sandbox bank calls us unless it is told otherwise.
    pub async fn new(
        config: &Config,
        resources: &Resources,
        own_address: SocketAddr,
    ) -> anyhow::Result<Self> {
        let database = resources.database.clone();
        let mut conn = database.conn().await?;
        let keys = SigningKeys::load(&mut conn, expose(config.auth.signing_key.as_ref())).await?;
        let donor_key = secrets::get_or_create(&mut conn, "donor-hash-key", random_key).await?;
        let sandbox = sandbox(&mut conn, config, resources, own_address).await?;
        let runtime = Handle::current();
        let replays = ReplayCache::new(resources.redis.clone(), &mut conn).await?;
        drop(conn);

        let bus = match &resources.redis {
            Some(redis) => EventBus::with_peers(peers(redis.clone())),
            None => EventBus::new(),
        };
        let (inbox, mail_bell) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let amounts = AmountRange {
            min_minor: config.pledges.min_amount_minor,
            max_minor: config.pledges.max_amount_minor,
        };
        let auth = AuthService::new(database.clone(), keys, mail_bell.clone());
        Ok(Self {
            health: Health::new(database.clone(), resources.redis.clone()),
            campaigns: CampaignService::new(resources.reads.clone(), bus.clone()),
            pledges: PledgeService::new(
                resources.reads.clone(),
                bus.clone(),
                replays.clone(),
                donor_key.as_bytes(),
                auth.guest_tokens(),
                amounts,
                &runtime,
            ),
            payments: PaymentService::new(
                database.clone(),
                bus.clone(),
                replays,
                providers(config, sandbox.as_ref())?,
                inbox.clone(),
                pace(config),
                &runtime,
            ),
            admin: AdminService::new(
                database.clone(),
                bus.clone(),
                inbox.clone(),
                auth.ended_sessions().clone(),
            ),
            totals: TotalsService::new(database.clone(), resources.redis.clone()),
            door: Door::new(database, commit_patience(config), &runtime),
            auth,
            bus,
            inbox,
            mail_bell,
            sandbox,
            limiter: limiter(config, resources),
            mail: mail(config)?,
            mail_from: Sender::parse(&config.mail.from).context("CAREFORALL_MAIL__FROM")?,
        })
    }
}

/// How long a provider waits for its webhook to be stored.
fn commit_patience(config: &Config) -> Duration {
    Duration::from_secs(config.payments.webhook_commit_seconds.get().into())
}

/// The mail server, else a folder, else nowhere: then mail waits, and ends with that reason.
fn mail(config: &Config) -> anyhow::Result<Arc<dyn Transport>> {
    if let Some(url) = expose(config.mail.smtp_url.as_ref()) {
        let smtp = Smtp::new(url).map_err(|error| anyhow!("CAREFORALL_MAIL__SMTP_URL: {error}"))?;
        return Ok(Arc::new(smtp));
    }
    Ok(match &config.mail.folder {
        Some(folder) => Arc::new(Folder::new(folder)),
        None => Arc::new(Nowhere),
    })
}

fn limiter(config: &Config, resources: &Resources) -> Option<RateLimiter> {
    let limits = &config.rate_limit;
    let quotas = Quotas {
        reads: Quota::per_minute(limits.reads_per_ip_per_minute),
        writes: Quota::per_minute(limits.per_ip_per_minute),
        api_key: Quota::per_minute(limits.per_api_key_per_minute),
        account: Quota::per_minute(limits.auth_per_minute),
        payments_of_address: Quota::per_hour(limits.payments_per_ip_per_hour),
        payments_of_user: Quota::per_hour(limits.payments_per_user_per_hour),
        payments_of_source: Quota::per_hour(limits.payments_per_source_per_hour),
    };
    limits.enabled.then(|| RateLimiter::new(quotas, resources.redis.clone()))
}

fn random_key() -> String {
    STANDARD.encode(rand::random::<[u8; 32]>())
}

async fn sandbox(
    conn: &mut Connection,
    config: &Config,
    resources: &Resources,
    own_address: SocketAddr,
) -> anyhow::Result<Option<SandboxBank>> {
    if !config.sandbox.enabled {
        return Ok(None);
    }
    let secret = if let Some(secret) = expose(config.sandbox.webhook_secret.as_ref()) {
        secret.to_owned()
    } else {
        let make = || format!("whsec_{}", random_key());
        secrets::get_or_create(conn, "sandbox-webhook-secret", make).await?
    };
    let url =
        config.sandbox.webhook_url.clone().unwrap_or_else(|| {
            format!("http://{}/api/v1/webhooks/sandbox", reachable(own_address))
        });
    let database = resources.database.clone();
    let secrets = [SecretString::from(secret)];
    let bank = SandboxBank::new(database, &secrets, &url, &Handle::current())
        .context("CAREFORALL_SANDBOX__WEBHOOK_SECRET")?;
    Ok(Some(bank))
}

/// Bound to every interface, we reach ourselves by loopback.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The providers alone, for command-line tools.
pub async fn only_providers(config: &Config, resources: &Resources) -> anyhow::Result<Providers> {
    let mut conn = resources.database.conn().await?;
    let sandbox = sandbox(&mut conn, config, resources, config.http.bind).await?;
    providers(config, sandbox.as_ref())
}

fn providers(config: &Config, sandbox: Option<&SandboxBank>) -> anyhow::Result<Providers> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(bank) = sandbox {
        providers.push(Arc::new(SandboxProvider::new(bank.clone())));
    }
    let stripe = &config.stripe;
    if let Some(key) = &stripe.secret_key {
        let provider = StripeProvider::new(key, &stripe.webhook_secrets, &stripe.api_base)
            .context("CAREFORALL_STRIPE__SECRET_KEY, CAREFORALL_STRIPE__API_BASE")?;
        providers.push(Arc::new(provider));
    }
    let breaker = breaker(config);
    let guarded = |provider| Arc::new(Guarded::new(provider, breaker)) as Arc<dyn Provider>;
    let providers = providers.into_iter().map(guarded).collect();
    let default = match config.payments.default_provider {
        ProviderName::Sandbox => "sandbox",
        ProviderName::Stripe => "stripe",
    };
    Ok(Providers::new(providers, default))
}

fn breaker(config: &Config) -> Settings {
    let count = |n: NonZeroU32| usize::try_from(n.get()).unwrap_or(usize::MAX);
    let breaker = &config.breaker;
    Settings {
        window_calls: count(breaker.window_calls),
        failures: count(breaker.failures),
        open: Duration::from_secs(breaker.open_seconds.get().into()),
        probes: count(breaker.probes),
    }
}

fn pace(config: &Config) -> Pace {
    let sweeper = &config.sweeper;
    let age = |seconds: NonZeroU32| TimeDelta::seconds(seconds.get().into());
    Pace {
        every: Duration::from_secs(sweeper.every_seconds.get().into()),
        pending_after: age(sweeper.pending_after_seconds),
        abandon_after: age(sweeper.abandon_after_seconds),
        backoff: age(sweeper.backoff_seconds),
        events_every: age(sweeper.events_every_seconds),
        reconcile_every: age(sweeper.reconcile_every_seconds),
        settle: age(sweeper.settle_seconds),
        gap: Duration::from_secs(1) / sweeper.per_second.get(),
    }
}
