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
    platform::idempotency::{IdempotencyKey, Refusal, StoredResponse},
};

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
        let event = changed(&pledge);
        let job = NewPledge { pledge, key: key.clone(), event, response };
        match self.writer.submit(job).await?? {
            Outcome::Created(response) => {
                self.bus.wake();
                Ok(Ok(Answer { id, response: with_token(response, token), replayed: false }))
            }
            Outcome::Known(known) => {
                // few requests are repeated, and those that are, are repeated again
                if let Refusal::Replay(response) = &known {
                    self.replays.put(vec![(key, response.clone())]).await;
                }
                self.known(known, user.is_none())
            }
        }
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
