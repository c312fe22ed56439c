//! The answer to a request for a pledge: what is stored, and the guest's token, which never is.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::PledgeService;
use crate::{
    kernel::ids::PledgeId, modules::pledge::error::PledgeError,
    platform::idempotency::StoredResponse,
};

/// A created pledge, now or by an earlier request.
#[derive(Debug)]
pub struct Answer {
    pub id: PledgeId,
    pub response: StoredResponse,
    pub replayed: bool,
}

/// What a token is derived from.
#[derive(Deserialize)]
struct Made {
    id: PledgeId,
    created_at: DateTime<Utc>,
}

impl PledgeService {
    /// The guest's credential for a pledge; the same for the same pledge, always.
    pub(super) fn guest_token(&self, id: PledgeId, created_at: DateTime<Utc>) -> String {
        self.tokens.issue(id, created_at)
    }

    /// An answer that was stored before; a guest's token is derived again.
    pub(super) fn replay(
        &self,
        response: StoredResponse,
        guest: bool,
    ) -> Result<Answer, PledgeError> {
        let made: Made = serde_json::from_str(&response.body)
            .map_err(|e| diesel::result::Error::DeserializationError(Box::new(e)))?;
        let token = guest.then(|| self.guest_token(made.id, made.created_at));
        Ok(Answer { id: made.id, response: with_token(response, token), replayed: true })
    }
}

/// Adds the token as the last member of the body.
pub(super) fn with_token(mut response: StoredResponse, token: Option<String>) -> StoredResponse {
    if let Some(token) = token {
        response.body.pop();
        response.body.extend([r#","guest_token":""#, &token, r#""}"#]);
    }
    response
}
