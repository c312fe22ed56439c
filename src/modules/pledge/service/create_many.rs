//! Writing many new pledges at once.
//!
//! Nearly always a batch is one statement that is its own transaction: each gift is judged by terms
//! that are remembered, and the statement writes nothing unless it finds the campaigns, which it
//! locks, to be of the very versions that those terms are of. So what is remembered never decides.
//!
//! Where a gift is refused, a goal limits it, or a campaign has just changed, the batch takes the
//! longer way: lock the campaigns (`FOR SHARE`), judge, reserve room, then insert keys, pledges and
//! events of those that pass. Of the others the key is looked up first: what was answered before is
//! answered again, whatever the campaign says today.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use futures_util::future::BoxFuture;
use moka::sync::Cache;

use super::{
    super::{
        error::PledgeError,
        model::Pledge,
        repo::{self, NewPledge},
    },
    AmountRange,
    create::Outcome,
    room,
};
use crate::{
    kernel::{clock, ids::CampaignId, money::Money},
    modules::campaign::api::{self as campaign, GiftTerms},
    platform::{
        batching::Flush,
        event_bus::{NewEvent, publish},
        idempotency::{self, IdempotencyKey},
        postgres::{Connection, Database, DbError},
    },
};

/// Of how many campaigns the terms are remembered.
const REMEMBERED: u64 = 20_000;

/// Writes batches of new pledges.
pub struct CreateMany {
    database: Database,
    amounts: AmountRange,
    remembered: Cache<CampaignId, GiftTerms>,
}

type JobOutcome = Result<Outcome, PledgeError>;
type Terms = HashMap<CampaignId, GiftTerms>;

impl Flush for CreateMany {
    type Job = NewPledge;
    type Outcome = JobOutcome;

    fn flush<'a>(
        &'a self,
        jobs: &'a [NewPledge],
    ) -> BoxFuture<'a, Result<Vec<JobOutcome>, DbError>> {
        Box::pin(async move {
            let mut conn = self.database.conn().await?;
            let outcomes = match self.write_at_once(&mut conn, jobs).await? {
                Some(outcomes) => outcomes,
                None => conn.transaction(async |conn| self.write(conn, jobs).await).await?,
            };
            let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Created(_))));
            metrics::counter!("pledges_created_total").increment(made.count() as u64);
            Ok(outcomes)
        })
    }
}

impl CreateMany {
    pub fn new(database: Database, amounts: AmountRange) -> Self {
        Self { database, amounts, remembered: Cache::new(REMEMBERED) }
    }

    /// One statement. `None`, and nothing is written, when the longer way has to be taken.
    async fn write_at_once(
        &self,
        conn: &mut Connection,
        jobs: &[NewPledge],
    ) -> QueryResult<Option<Vec<JobOutcome>>> {
        let terms = self.remembered_terms(conn, jobs).await?;
        let at = clock::now();
        let passes = |job: &NewPledge| {
            self.judge(&job.pledge, &terms, at).is_ok_and(|terms| terms.allow_overfunding)
        };
        if !jobs.iter().all(passes) {
            return Ok(None);
        }
        let gifts = distinct(jobs);
        let mut judged: Vec<(CampaignId, i64)> =
            terms.iter().map(|(id, terms)| (*id, terms.version)).collect();
        judged.sort_unstable();
        let Some(fresh) = repo::create_many(conn, &judged, &gifts).await? else {
            for id in terms.keys() {
                self.remembered.invalidate(id);
            }
            return Ok(None);
        };
        idempotency::count("new", fresh.len() as u64);
        let mut is_new = vec![false; jobs.len()];
        for place in fresh {
            is_new[gifts[place].0] = true;
        }
        let verdicts = jobs.iter().map(|_| Ok(())).collect();
        outcomes(conn, jobs, &is_new, verdicts).await.map(Some)
    }

    /// The terms of the campaigns of these gifts, of those that exist. They may be old.
    async fn remembered_terms(
        &self,
        conn: &mut Connection,
        jobs: &[NewPledge],
    ) -> QueryResult<Terms> {
        let (mut terms, mut unknown) = (Terms::new(), HashSet::new());
        for id in jobs.iter().map(|job| job.pledge.campaign_id) {
            match self.remembered.get(&id) {
                Some(known) => drop(terms.insert(id, known)),
                None => drop(unknown.insert(id)),
            }
        }
        if !unknown.is_empty() {
            let unknown: Vec<_> = unknown.into_iter().collect();
            for (id, read) in campaign::terms_of(conn, &unknown).await? {
                self.remembered.insert(id, read);
                terms.insert(id, read);
            }
        }
        Ok(terms)
    }

    async fn write(
        &self,
        conn: &mut Connection,
        jobs: &[NewPledge],
    ) -> QueryResult<Vec<JobOutcome>> {
        let campaigns: Vec<CampaignId> = jobs.iter().map(|job| job.pledge.campaign_id).collect();
        let terms = campaign::lock_for_gifts(conn, &campaigns).await?;
        let at = clock::now();
        let mut verdicts: Vec<Result<(), PledgeError>> =
            jobs.iter().map(|job| self.judge(&job.pledge, &terms, at).map(drop)).collect();
        let repeated = room::reserve(conn, jobs, &terms, &mut verdicts).await?;

        let writable = |i: &usize| verdicts[*i].is_ok() && !repeated.contains(i);
        let passed: Vec<usize> = (0..jobs.len()).filter(writable).collect();
        let keys: Vec<_> = passed.iter().map(|i| (&jobs[*i].key, &jobs[*i].response)).collect();
        let fresh = idempotency::insert_finished(conn, &keys).await?;
        let new: Vec<&NewPledge> =
            passed.iter().zip(&fresh).filter(|(_, f)| **f).map(|(i, _)| &jobs[*i]).collect();
        let pledges: Vec<&Pledge> = new.iter().map(|job| &job.pledge).collect();
        let events: Vec<NewEvent> = new.iter().map(|job| job.event.clone()).collect();
        repo::insert_many(conn, &pledges).await?;
        room::take(conn, &pledges, &terms).await?;
        publish(conn, &events).await?;
        idempotency::count("new", new.len() as u64);

        let mut is_new = vec![false; jobs.len()];
        passed.iter().zip(fresh).for_each(|(i, f)| is_new[*i] = f);
        outcomes(conn, jobs, &is_new, verdicts).await
    }

    /// Existence, state, then the money rules, in this order.
    fn judge<'a>(
        &self,
        pledge: &Pledge,
        terms: &'a Terms,
        at: DateTime<Utc>,
    ) -> Result<&'a GiftTerms, PledgeError> {
        let terms = terms
            .get(&pledge.campaign_id)
            .filter(|terms| !terms.draft)
            .ok_or(PledgeError::CampaignNotFound)?;
        let closed = |why: campaign::Closed| PledgeError::CampaignNotAccepting(why.to_string());
        terms.accepts(at).map_err(closed)?;
        if terms.currency != pledge.currency {
            return Err(PledgeError::CurrencyMismatch(terms.currency));
        }
        let AmountRange { min_minor, max_minor } = self.amounts;
        if !(min_minor..=max_minor).contains(&pledge.amount_minor) {
            let money = |minor| Money::new(minor, pledge.currency);
            return Err(PledgeError::AmountOutOfRange {
                min: money(min_minor),
                max: money(max_minor),
            });
        }
        Ok(terms)
    }
}

/// The jobs with their places, sorted by scope and key; of equal keys the first.
fn distinct(jobs: &[NewPledge]) -> Vec<(usize, &NewPledge)> {
    let mut gifts: Vec<_> = jobs.iter().enumerate().collect();
    // stable: the first of equal keys is the one that stays
    gifts.sort_by(|a, b| name(a.1).cmp(&name(b.1)));
    gifts.dedup_by(|later, first| name(later.1) == name(first.1));
    gifts
}

fn name(job: &NewPledge) -> (&str, &str) {
    (&job.key.scope, &job.key.key)
}

/// A gift that was not written was refused, or repeats another: then its key is used.
async fn outcomes(
    conn: &mut Connection,
    jobs: &[NewPledge],
    is_new: &[bool],
    verdicts: Vec<Result<(), PledgeError>>,
) -> QueryResult<Vec<JobOutcome>> {
    let refused = jobs.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_err());
    let refused: Vec<&IdempotencyKey> = refused.map(|(job, _)| &job.key).collect();
    let used = match refused[..] {
        [] => HashSet::new(),
        _ => idempotency::find_used(conn, &refused).await?,
    };
    let outcome =
        |((job, verdict), new): ((&NewPledge, Result<(), PledgeError>), &bool)| match verdict {
            _ if *new => Ok(Outcome::Created(job.response.clone())),
            Err(error) if !used.contains(&job.key.name()) => Err(error),
            _ => Ok(Outcome::Used),
        };
    Ok(jobs.iter().zip(verdicts).zip(is_new).map(outcome).collect())
}
