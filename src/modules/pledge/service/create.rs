//! Creating pledges: many requests in one transaction.
//!
//! A flush locks the campaigns of its gifts (`FOR SHARE`), judges each gift by them, and inserts
//! keys, pledges and events of those that pass. Of the others it looks up the key first: what was
//! answered before is answered again, whatever the campaign says today.

use std::collections::HashMap;

use diesel_async::AsyncConnection;
use futures_util::future::BoxFuture;

use super::{
    super::{
        dto::{PledgeBody, Promise},
        error::PledgeError,
        model::{Pledge, PledgeStatus},
        repo,
    },
    AmountRange, PledgeService, announce,
    answer::{Answer, with_token},
    room,
};
use crate::{
    kernel::{
        clock,
        email::Email,
        ids::{CampaignId, PledgeId, UserId},
        money::Money,
    },
    modules::campaign::api::{self as campaign, GiftTerms},
    platform::{
        batching::Flush,
        idempotency::{self, Claim, IdempotencyKey, Refusal, StoredResponse},
        postgres::{Connection, Database, DbError},
    },
};

/// A pledge to be written, with its key and the answer it will have.
#[derive(Debug)]
pub struct NewPledge {
    pub pledge: Pledge,
    pub key: IdempotencyKey,
    response: StoredResponse,
}

/// How a request to create a pledge ends, if not with an error.
#[derive(Debug)]
pub enum Outcome {
    Created(StoredResponse),
    /// The key was used before.
    Known(Refusal),
}

impl PledgeService {
    /// Makes a pledge, once for its key.
    pub async fn create(
        &self,
        key: IdempotencyKey,
        promise: Promise,
        donor: &Email,
        user: Option<UserId>,
    ) -> Result<Result<Answer, Refusal>, PledgeError> {
        match self.replays.get(&key).await {
            Some(known) => self.known(known, user.is_none()),
            None => self.write(key, promise, donor, user).await,
        }
    }

    async fn write(
        &self,
        key: IdempotencyKey,
        promise: Promise,
        donor: &Email,
        user: Option<UserId>,
    ) -> Result<Result<Answer, Refusal>, PledgeError> {
        let pledge = new_pledge(promise, donor, self.donor_hash(donor), user);
        let id = pledge.id;
        // signing takes longer than all else here: done before the queue, it costs nobody's turn
        let token = user.is_none().then(|| self.guest_token(id, pledge.created_at));
        let body = serde_json::to_string(&PledgeBody::new(&pledge, true)).unwrap_or_default();
        let response = StoredResponse { status: 201, body };
        let job = NewPledge { pledge, key: key.clone(), response };
        let response = match self.writer.submit(job).await?? {
            Outcome::Created(response) => response,
            Outcome::Known(known) => return self.known(known, user.is_none()),
        };
        self.bus.wake();
        self.replays.put(vec![(key, response.clone())]).await;
        Ok(Ok(Answer { id, response: with_token(response, token), replayed: false }))
    }

    fn known(&self, known: Refusal, guest: bool) -> Result<Result<Answer, Refusal>, PledgeError> {
        match known {
            Refusal::Replay(response) => self.replay(response, guest).map(Ok),
            refusal => Ok(Err(refusal)),
        }
    }
}

fn new_pledge(promise: Promise, donor: &Email, donor_hash: String, user: Option<UserId>) -> Pledge {
    let now = clock::now();
    Pledge {
        id: PledgeId::generate(),
        campaign_id: promise.campaign_id,
        user_id: user,
        status: PledgeStatus::Pending,
        amount_minor: promise.money.minor,
        refunded_minor: 0,
        currency: promise.money.currency,
        donor_email: donor.as_str().to_owned(),
        donor_hash,
        donor_name: promise.donor_name,
        anonymous: promise.anonymous,
        message: promise.message,
        metadata: promise.metadata,
        payment_id: None,
        cancelled_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// Writes many new pledges at once.
pub struct CreateMany {
    pub database: Database,
    pub amounts: AmountRange,
}

type JobOutcome = Result<Outcome, PledgeError>;

impl Flush for CreateMany {
    type Job = NewPledge;
    type Outcome = JobOutcome;

    fn flush<'a>(
        &'a self,
        jobs: &'a [NewPledge],
    ) -> BoxFuture<'a, Result<Vec<JobOutcome>, DbError>> {
        Box::pin(async move {
            let mut conn = self.database.conn().await?;
            let outcomes = conn.transaction(async |conn| self.write(conn, jobs).await).await?;
            Ok(outcomes)
        })
    }
}

impl CreateMany {
    async fn write(
        &self,
        conn: &mut Connection,
        jobs: &[NewPledge],
    ) -> Result<Vec<JobOutcome>, diesel::result::Error> {
        let campaigns: Vec<CampaignId> = jobs.iter().map(|job| job.pledge.campaign_id).collect();
        let terms = campaign::lock_for_gifts(conn, &campaigns, clock::now()).await?;
        let mut verdicts: Vec<Result<(), PledgeError>> =
            jobs.iter().map(|job| self.judge(&job.pledge, &terms)).collect();
        let repeated = room::reserve(conn, jobs, &terms, &mut verdicts).await?;

        let writable = |i: &usize| verdicts[*i].is_ok() && !repeated.contains(i);
        let passed: Vec<usize> = (0..jobs.len()).filter(writable).collect();
        let keys: Vec<_> = passed.iter().map(|i| (&jobs[*i].key, &jobs[*i].response)).collect();
        let fresh = idempotency::insert_finished(conn, &keys).await?;
        let new: Vec<&Pledge> =
            passed.iter().zip(&fresh).filter(|(_, f)| **f).map(|(i, _)| &jobs[*i].pledge).collect();
        repo::insert_many(conn, &new).await?;
        room::take(conn, &new, &terms).await?;
        announce(conn, new.iter().copied()).await?;
        idempotency::count("new", new.len() as u64);

        let mut is_new = vec![false; jobs.len()];
        passed.iter().zip(fresh).for_each(|(i, f)| is_new[*i] = f);
        let mut outcomes = Vec::with_capacity(jobs.len());
        for ((job, verdict), new) in jobs.iter().zip(verdicts).zip(is_new) {
            outcomes.push(match (new, verdict) {
                (true, _) => Ok(Outcome::Created(job.response.clone())),
                (false, verdict) => known_or(conn, &job.key, verdict).await?,
            });
        }
        Ok(outcomes)
    }

    /// Existence, state, then the money rules, in this order.
    fn judge(
        &self,
        pledge: &Pledge,
        terms: &HashMap<CampaignId, GiftTerms>,
    ) -> Result<(), PledgeError> {
        let terms = terms
            .get(&pledge.campaign_id)
            .filter(|terms| !terms.draft)
            .ok_or(PledgeError::CampaignNotFound)?;
        terms.accepts.as_ref().map_err(|why| PledgeError::CampaignNotAccepting(why.to_string()))?;
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
        Ok(())
    }
}

/// The answer that the key has had before, or else the verdict.
async fn known_or(
    conn: &mut Connection,
    key: &IdempotencyKey,
    verdict: Result<(), PledgeError>,
) -> Result<JobOutcome, diesel::result::Error> {
    let refusal = match idempotency::find(conn, key).await? {
        Some(claim @ (Claim::Replay(_) | Claim::Reused | Claim::InProgress)) => {
            claim.into_execution().err()
        }
        _ => None,
    };
    Ok(match (refusal, verdict) {
        (Some(refusal), _) => Ok(Outcome::Known(refusal)),
        (None, Err(error)) => Err(error),
        // the key was there when it was to be inserted, and gone when it was looked up
        (None, Ok(())) => Ok(Outcome::Known(Refusal::InProgress)),
    })
}
