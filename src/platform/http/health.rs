//! `/livez`: the process runs. `/readyz` and `/health`: it can serve, and if not, why.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpResponse, get, web};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::edge::OwnBody;
use crate::platform::{cache::RedisPool, postgres::Database};

/// A database that hangs is as good as none.
const DATABASE_PATIENCE: Duration = Duration::from_secs(3);

#[diesel::declare_sql_function]
extern "SQL" {
    fn pg_is_in_recovery() -> diesel::sql_types::Bool;
}

/// Whether this replica should get traffic.
#[derive(Clone)]
pub struct Health {
    database: Database,
    redis: Option<RedisPool>,
    draining: Arc<AtomicBool>,
}

/// What a probe is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `degraded` (serving without Redis), `unavailable` or `draining`.
    #[schema(example = "ready")]
    pub status: &'static str,
    /// `up` or `down`.
    #[schema(example = "up")]
    pub database: &'static str,
    /// `up`, `down` or `off` (not configured).
    #[schema(example = "off")]
    pub redis: &'static str,
}

impl Health {
    pub fn new(database: Database, redis: Option<RedisPool>) -> Self {
        Self { database, redis, draining: Arc::default() }
    }

    /// From now on this replica asks for no more traffic.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub async fn check(&self) -> Readiness {
        let (database, redis) = futures_util::join!(self.database_up(), self.redis_state());
        let status = match (AtomicBool::load(&self.draining, Ordering::SeqCst), database, redis) {
            (true, ..) => "draining",
            (_, false, _) => "unavailable",
            (_, _, "down") => "degraded",
            _ => "ready",
        };
        Readiness { status, database: if database { "up" } else { "down" }, redis }
    }

    /// Whether Postgres answers, and takes writes: a standby does not.
    async fn database_up(&self) -> bool {
        let asked = async {
            let mut conn = self.database.conn().await.ok()?;
            let standby = diesel::select(pg_is_in_recovery()).get_result::<bool>(&mut conn).await;
            standby.ok().map(|standby| !standby)
        };
        timeout(DATABASE_PATIENCE, asked).await.ok().flatten().unwrap_or(false)
    }

    async fn redis_state(&self) -> &'static str {
        match &self.redis {
            None => "off",
            Some(redis) if redis.ping().await => "up",
            Some(_) => "down",
        }
    }
}

/// Mounts the probes; they take no credentials and no rate limit applies.
pub fn configure_health(config: &mut ServiceConfig) {
    config.service(get_liveness).service(get_readiness).service(get_health);
}

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Liveness {
    #[schema(example = "alive")]
    status: &'static str,
}

/// Does the process run?
///
/// No database is asked; restart it when this does not answer.
#[utoipa::path(
    tag = "operations",
    responses((status = 200, description = "It does", body = Liveness))
)]
#[get("/livez")]
pub async fn get_liveness() -> HttpResponse {
    HttpResponse::Ok().json(Liveness { status: "alive" })
}

/// Should it get traffic?
///
/// Asks Postgres, and Redis where one is configured.
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, description = "Yes; `degraded` without Redis", body = Readiness),
        (status = 503, description = "No: no database, or about to stop", body = Readiness),
    )
)]
#[get("/readyz")]
pub async fn get_readiness(health: web::Data<Health>) -> HttpResponse {
    readiness(&health).await
}

/// The same as `/readyz`
///
/// Under the name that many balancers ask for.
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, description = "Ready; `degraded` without Redis", body = Readiness),
        (status = 503, description = "Not ready", body = Readiness),
    )
)]
#[get("/health")]
pub async fn get_health(health: web::Data<Health>) -> HttpResponse {
    readiness(&health).await
}

async fn readiness(health: &Health) -> HttpResponse {
    let readiness = health.check().await;
    if matches!(readiness.status, "ready" | "degraded") {
        return HttpResponse::Ok().json(readiness);
    }
    let mut response =
        HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).json(readiness);
    response.extensions_mut().insert(OwnBody);
    response
}
