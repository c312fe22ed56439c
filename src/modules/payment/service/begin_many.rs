//! Phase A of many payments in one transaction.
//!
//! Nearly always a payment is the first one of a pending pledge, under a new key, and nobody else
//! has anything to do with that pledge just now. Such requests are written together. Whatever else
//! a request meets is no matter for a batch: nothing is written for it, and it goes the long way,
//! alone ([`begin`](super::begin::begin)), which judges it by the same rules and knows the answers.
//!
//! The keys come first, as everywhere, and in order; after them nobody is waited for, so that no
//! lock that somebody holds keeps a whole batch waiting. Where the keys themselves are fought for,
//! each request fights alone.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{
    super::{dto::CreatePayment, providers::Providers, repo},
    begin::{Call, new_payment, recovery_point, store_new},
};
use crate::{
    kernel::ids::{PaymentId, PledgeId},
    modules::{
        auth::api::Caller,
        pledge::api::{self as pledge, Attachment, PayablePledge},
    },
    platform::{
        batching::Flush,
        idempotency::{self, IdempotencyKey},
        postgres::{Connection, Database, DbError, Severity, severity},
        telemetry::TraceContext,
    },
};

/// A request for a payment.
#[derive(Debug)]
pub struct Opening {
    pub caller: Caller,
    pub key: IdempotencyKey,
    pub order: CreatePayment,
    /// The name of the one that was chosen.
    pub provider: &'static str,
    pub trace: Option<TraceContext>,
    /// When it was asked for.
    pub since: Instant,
}

/// Writes phase A of batches of payments.
pub struct BeginMany {
    database: Database,
    providers: Providers,
    /// The age at which the sweeper asks about a payment.
    first_look: TimeDelta,
}

/// The call that is to be made; `None`: nothing was written, go the long way.
pub type Opened = Option<Box<Call>>;

impl Flush for BeginMany {
    type Job = Opening;
    type Outcome = Opened;

    fn flush<'a>(&'a self, jobs: &'a [Opening]) -> BoxFuture<'a, Result<Vec<Opened>, DbError>> {
        Box::pin(async move {
            let mut conn = self.database.conn().await?;
            match conn.transaction(async |conn| self.write(conn, jobs).await).await {
                // a key that somebody else is just claiming, and takes too long: whose it is waits
                Err(error) if severity(&error) == Severity::Contention => {
                    tracing::warn!(%error, jobs = jobs.len(), "payments are begun one by one");
                    Ok(jobs.iter().map(|_| None).collect())
                }
                opened => Ok(opened?),
            }
        })
    }
}

impl BeginMany {
    pub fn new(database: Database, providers: Providers, first_look: TimeDelta) -> Self {
        Self { database, providers, first_look }
    }

    async fn write(&self, conn: &mut Connection, jobs: &[Opening]) -> QueryResult<Vec<Opened>> {
        let ids: Vec<PaymentId> = jobs.iter().map(|_| PaymentId::generate()).collect();
        let claims = jobs.iter().zip(&ids).map(|(job, id)| (&job.key, recovery_point(*id)));
        let attempts = idempotency::claim_new(conn, &claims.collect::<Vec<_>>()).await?;
        let mut payable = payable(conn, jobs, &attempts).await?;

        let (mut opened, mut taken, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for ((job, id), attempt) in jobs.iter().zip(ids).zip(attempts) {
            let Some(attempt) = attempt else {
                opened.push(None);
                continue;
            };
            let Some(pledge) = self.take(job, &mut payable) else {
                refused.push((&job.key, attempt));
                opened.push(None);
                continue;
            };
            let trace = job.trace;
            let payment = new_payment(id, &job.order, pledge.pledge(), job.provider, trace)?;
            let trace = trace.map(|trace| trace.to_string());
            taken.push(Attachment { pledge, payment: id, trace });
            let call = Call { payment, attempt, resumed: false, since: job.since };
            opened.push(Some(Box::new(call)));
        }
        idempotency::free_many(conn, &refused).await?;
        self.store(conn, jobs, &opened, taken).await?;
        Ok(opened)
    }

    async fn store(
        &self,
        conn: &mut Connection,
        jobs: &[Opening],
        opened: &[Opened],
        taken: Vec<Attachment>,
    ) -> QueryResult<()> {
        if taken.is_empty() {
            return Ok(());
        }
        idempotency::count("new", taken.len() as u64);
        pledge::attach_payments(conn, taken).await?;
        let made = opened.iter().zip(jobs);
        let made = made.filter_map(|(call, job)| Some((&call.as_ref()?.payment, job.trace)));
        store_new(conn, &made.collect::<Vec<_>>(), self.first_look).await
    }

    /// The job's pledge, if the job may have it: the first of a batch that asks for it may.
    fn take(
        &self,
        job: &Opening,
        payable: &mut HashMap<PledgeId, PayablePledge>,
    ) -> Option<PayablePledge> {
        let provider = self.providers.get(job.provider)?;
        let pledge = payable.get(&job.order.pledge_id)?.pledge();
        let plain = pledge.plainly_belongs_to(job.caller)
            && provider.available().is_ok()
            && provider.check_amount(pledge.money()).is_ok();
        if plain { payable.remove(&job.order.pledge_id) } else { None }
    }
}

/// The pledges, now locked, of the jobs whose keys were new; none that ever had a payment.
async fn payable(
    conn: &mut Connection,
    jobs: &[Opening],
    attempts: &[Option<i32>],
) -> QueryResult<HashMap<PledgeId, PayablePledge>> {
    let new = jobs.iter().zip(attempts).filter(|(_, attempt)| attempt.is_some());
    let asked: HashSet<PledgeId> = new.map(|(job, _)| job.order.pledge_id).collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let asked: Vec<PledgeId> = asked.into_iter().collect();
    let mut payable = pledge::lock_payable(conn, &asked).await?;
    for paid in repo::with_payments(conn, &asked).await? {
        payable.remove(&paid);
    }
    Ok(payable)
}
