//! Making a payment, once for its idempotency key.

use diesel_async::AsyncConnection;

use super::{SandboxBank, create_many::Making, lock_account, store};
use crate::{
    kernel::clock,
    modules::{
        payment::api::{CaptureMethod, CreateRequest},
        sandbox::{
            error::SandboxError,
            model::{BankPayment, Capture, Method, Status},
            repo,
            webhook::NewEvent,
        },
    },
};

/// The key was used for another payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the idempotency key belongs to another request")]
pub struct KeyReused;

/// A payment as its creation left it.
#[derive(Debug, Clone)]
pub struct Creation {
    pub provider_payment_id: String,
    pub client_secret: String,
    /// Why the payment method was refused.
    pub decline: Option<String>,
}

impl SandboxBank {
    /// The same as [`SandboxBank::create`], together with others. `None`, and nothing is made, where
    /// there is more to it: an account to pay from, a key that was used, a fault that is planned.
    pub async fn create_among_others(
        &self,
        request: &CreateRequest,
        method: Option<&Method>,
        idempotency_key: &str,
    ) -> Result<Option<Creation>, SandboxError> {
        if method.is_some_and(|method| method.account_number().is_some()) {
            return Ok(None);
        }
        let now = clock::now();
        let mut payment = fresh(request, idempotency_key);
        let act = match method {
            Some(method) => payment.confirm(method, None, now)?,
            None => <_>::default(),
        };
        if act.refund.is_some() || act.dispute.is_some() {
            return Ok(None);
        }
        payment.create_decline = act.decline.map(str::to_owned);
        let creation = Creation::from(payment.clone());
        let events = NewEvent::of(&act, &payment, now);
        if !self.makings.submit(Making { payment, events }).await? {
            return Ok(None);
        }
        if method.is_some() {
            self.wake();
        }
        Ok(Some(creation))
    }

    /// Makes the payment, and pays at once when a method is given.
    pub async fn create(
        &self,
        request: &CreateRequest,
        method: Option<&Method>,
        idempotency_key: &str,
    ) -> Result<Creation, SandboxError> {
        let mut conn = self.database.conn().await?;
        let made = conn.transaction(async |conn| -> Result<_, SandboxError> {
            let now = clock::now();
            let mut payment = fresh(request, idempotency_key);
            let mut account = lock_account(conn, method.and_then(Method::account_number)).await?;
            let act = match method {
                Some(method) => payment.confirm(method, account.as_mut(), now)?,
                None => <_>::default(),
            };
            payment.create_decline = act.decline.map(str::to_owned);
            if repo::insert_payments(conn, &[&payment], None).await?.is_empty() {
                return Ok(None);
            }
            store(conn, &act, &payment, account.as_ref(), now).await?;
            Ok(Some(payment))
        });
        let Some(payment) = made.await? else {
            let first = repo::by_idempotency_key(&mut conn, idempotency_key).await?;
            let first = first.filter(|first| same(first, request)).ok_or(KeyReused)?;
            return Ok(first.into());
        };
        drop(conn);
        if method.is_some() {
            self.wake();
        }
        Ok(payment.into())
    }
}

fn fresh(request: &CreateRequest, idempotency_key: &str) -> BankPayment {
    let (id, now) = (format!("sbx_{}", clock::new_id().simple()), clock::now());
    BankPayment {
        client_secret: format!("{id}_secret_{}", hex::encode(rand::random::<[u8; 16]>())),
        id,
        payment_id: request.payment_id,
        amount_minor: request.amount_minor,
        currency: request.currency,
        capture_method: capture(request.capture_method),
        status: Status::AwaitingMethod,
        captured_minor: 0,
        refunded_minor: 0,
        captures: 0,
        behaviour: None,
        account_number: None,
        hold_expires_at: None,
        idempotency_key: idempotency_key.to_owned(),
        created_with: request.payment_method.clone(),
        create_decline: None,
        created_at: now,
        updated_at: now,
        trace_context: request.trace_context.clone(),
    }
}

fn capture(method: CaptureMethod) -> Capture {
    match method {
        CaptureMethod::Automatic => Capture::Automatic,
        CaptureMethod::Manual => Capture::Manual,
    }
}

/// Was the payment made by this very request?
fn same(payment: &BankPayment, request: &CreateRequest) -> bool {
    payment.payment_id == request.payment_id
        && payment.amount_minor == request.amount_minor
        && payment.currency == request.currency
        && payment.capture_method == capture(request.capture_method)
        && payment.created_with == request.payment_method
}

impl From<BankPayment> for Creation {
    fn from(payment: BankPayment) -> Self {
        Self {
            provider_payment_id: payment.id,
            client_secret: payment.client_secret,
            decline: payment.create_decline,
        }
    }
}
