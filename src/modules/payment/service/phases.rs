//! The two transactions around the provider call: together with others where all is plain, else
//! alone.

use diesel_async::AsyncConnection;
use tokio::time::Instant;

use super::{
    super::{
        api::{CreateAnswer, Provider},
        dto::CreatePayment,
        error::PaymentError,
        repo::PaymentRow,
    },
    PaymentService,
    begin::{Begun, Call, begin},
    begin_many::Opening,
    conclude::{Concluded, conclude},
    conclude_many::Ending,
};
use crate::{
    modules::auth::api::Caller,
    platform::{
        idempotency::{IdempotencyKey, StoredResponse},
        telemetry,
    },
};

impl PaymentService {
    /// Phase A in a batch with others; `None`: this one goes its own way.
    pub(super) async fn phase_a_among_others(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        order: &CreatePayment,
        provider: &dyn Provider,
    ) -> Result<Option<Box<Call>>, PaymentError> {
        let opening = Opening {
            caller,
            key: key.clone(),
            order: order.clone(),
            provider: provider.name(),
            trace: telemetry::current(),
            since: Instant::now(),
        };
        let opened = self.openings.submit(opening).await?;
        if opened.is_some() {
            self.bus.wake();
            self.wake_inbox();
        }
        Ok(opened)
    }

    /// Phase A of this one alone.
    pub(super) async fn phase_a(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        order: &CreatePayment,
        provider: &dyn Provider,
    ) -> Result<Begun, PaymentError> {
        let mut conn = self.database.conn().await?;
        // an unsettled payment in the way is no failure, yet nothing of this may be committed
        let result = conn
            .transaction(async |conn| {
                let first_look = self.pace.pending_after;
                match begin(conn, caller, key, order, provider, first_look).await {
                    Ok(Begun::Unsettled(other)) => Err(Stop::Unsettled(other)),
                    other => other.map_err(Stop::Error),
                }
            })
            .await;
        match result {
            Ok(begun) => {
                self.bus.wake();
                self.wake_inbox();
                Ok(begun)
            }
            Err(Stop::Unsettled(other)) => Ok(Begun::Unsettled(other)),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    /// Phase C, in a batch with others, unless there is more to it than an answer to store.
    pub(super) async fn phase_c(
        &self,
        (key, attempt): (&IdempotencyKey, i32),
        payment: &PaymentRow,
        answer: &CreateAnswer,
        response: &StoredResponse,
    ) -> Result<Concluded, PaymentError> {
        if let CreateAnswer::Created(created) = answer {
            let (key, created, response) = (key.clone(), created.clone(), response.clone());
            let ending = Ending { key, attempt, payment: payment.id, created, response };
            if self.endings.submit(ending).await? {
                return Ok(Concluded { ours: true, surplus: false });
            }
        }
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            conclude(conn, (key, attempt), payment, answer, response).await
        })
        .await
    }
}

/// Why phase A's transaction is rolled back.
enum Stop {
    Unsettled(Box<PaymentRow>),
    Error(PaymentError),
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        Self::Error(error.into())
    }
}
