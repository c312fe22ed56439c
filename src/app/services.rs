//! Every module's services, wired to each other.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use tokio::{runtime::Handle, sync::Notify};

use super::{expose, resources::Resources};
use crate::{
    config::{Config, Provider as ProviderName},
    modules::{
        admin::AdminService,
        auth::{AuthService, SigningKeys},
        campaign::CampaignService,
        payment::{Door, PaymentService, Providers, api::Provider},
        pledge::{AmountRange, PledgeService},
        sandbox::{SandboxBank, SandboxProvider},
        totals::TotalsService,
    },
    platform::{
        cache::wake_hints, event_bus::EventBus, http::Health, idempotency::ReplayCache,
        postgres::Connection, secrets,
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
    pub sandbox: Option<SandboxBank>,
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
        drop(conn);

        let bus = match &resources.redis {
            Some(redis) => EventBus::with_remote(wake_hints(redis.clone())),
            None => EventBus::new(),
        };
        let replays = ReplayCache::new(resources.redis.clone());
        let inbox = Arc::new(Notify::new());
        let amounts = AmountRange {
            min_minor: config.pledges.min_amount_minor,
            max_minor: config.pledges.max_amount_minor,
        };
        let runtime = Handle::current();
        let auth = AuthService::new(database.clone(), keys);
        Ok(Self {
            health: Health::new(database.clone(), resources.redis.clone()),
            campaigns: CampaignService::new(database.clone(), bus.clone()),
            pledges: PledgeService::new(
                database.clone(),
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
                providers(config, sandbox.as_ref()),
                inbox.clone(),
            ),
            admin: AdminService::new(database.clone(), bus.clone(), inbox.clone()),
            totals: TotalsService::new(database.clone(), resources.redis.clone()),
            door: Door::new(database, &runtime),
            auth,
            bus,
            inbox,
            sandbox,
        })
    }
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
    let bank = SandboxBank::new(database, &[SecretString::from(secret)], &url)
        .context("CAREFORALL_SANDBOX__WEBHOOK_SECRET")?;
    Ok(Some(bank))
}

/// Bound to every interface, we reach ourselves by loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn providers(config: &Config, sandbox: Option<&SandboxBank>) -> Providers {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(bank) = sandbox {
        providers.push(Arc::new(SandboxProvider::new(bank.clone())));
    }
    let default = match config.payments.default_provider {
        ProviderName::Sandbox => "sandbox",
        ProviderName::Stripe => "stripe",
    };
    Providers::new(providers, default)
}
