//! Creating a pledge: made ready here, written together with others by the writer.

use super::{
    super::{
        dto::{PledgeBody, Promise},
        error::PledgeError,
        model::{Pledge, PledgeStatus},
        repo::NewPledge,
    },
    PledgeService,
    answer::{Answer, with_token},
    write::changed,
};
use crate::{
    kernel::{
        clock,
        email::Email,
        ids::{PledgeId, UserId},
    },
    platform::idempotency::{self, IdempotencyKey, Refusal, StoredResponse},
};

/// How a request to create a pledge ends, if not with an error.
#[derive(Debug)]
pub enum Outcome {
    Created(StoredResponse),
    /// The key was used before; nothing was written.
    Used,
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
        if let Some(known) = self.replays.get_near(&key) {
            return self.known(known, user.is_none());
        }
        let pledge = new_pledge(promise, donor, self.donor_hash(donor), user);
        let (id, created_at) = (pledge.id, pledge.created_at);
        let body = serde_json::to_string(&PledgeBody::new(&pledge, true)).unwrap_or_default();
        let response = StoredResponse { status: 201, body };
        let event = changed(&pledge)?;
        let job = NewPledge { pledge, key: key.clone(), event, response };
        // signing takes longer than all else here: it is done while the job waits for its turn
        let sign = async { user.is_none().then(|| self.guest_token(id, created_at)) };
        let (written, token) = tokio::join!(biased; self.writer.submit(job), sign);
        match written?? {
            Outcome::Created(response) => {
                self.bus.wake();
                Ok(Ok(Answer { id, response: with_token(response, token), replayed: false }))
            }
            Outcome::Used => {
                let known = self.used(&key).await?;
                self.known(known, user.is_none())
            }
        }
    }

    /// What a key is worth that was used before.
    async fn used(&self, key: &IdempotencyKey) -> Result<Refusal, PledgeError> {
        if let Some(known) = self.replays.get(key).await {
            return Ok(known);
        }
        let mut conn = self.database.conn().await?;
        let found = idempotency::find(&mut conn, key).await?;
        drop(conn);
        // gone since then, or up for grabs: to try again is all that is left
        let known = found.and_then(|claim| claim.into_execution().err());
        let known = known.unwrap_or(Refusal::InProgress);
        self.replays.put_known(key, &known).await;
        Ok(known)
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
        captured_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}
