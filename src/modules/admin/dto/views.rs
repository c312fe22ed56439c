//! What administrators are shown.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    kernel::ids::{PaymentId, UserId},
    modules::{
        auth::api::{Role, admin::Standing},
        payment::api::admin::WebhookRow,
    },
    platform::{
        audit::Record,
        event_bus::{DeadLetter, Payload, Replayed},
    },
};

/// A user, as administrators see them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminUser)]
pub struct AdminUserBody {
    id: UserId,
    #[schema(format = "email")]
    email: String,
    #[schema(example = "Ada Lovelace")]
    name: String,
    role: Role,
    /// Since when they may not sign in; `null` unless they may not.
    #[schema(required)]
    suspended_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    #[schema(minimum = 1, example = 1)]
    version: i64,
}

impl From<Standing> for AdminUserBody {
    fn from((user, suspended_at): Standing) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            role: user.role,
            suspended_at,
            created_at: user.created_at,
            version: user.version,
        }
    }
}

/// A webhook as it was received, without its body, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub struct WebhookEventBody {
    #[schema(example = 42)]
    id: i64,
    #[schema(example = "sandbox")]
    provider: String,
    #[schema(example = "evt_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    event_id: String,
    #[schema(example = "payment.captured")]
    event_type: String,
    #[schema(required, example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    provider_payment_id: Option<String>,
    #[schema(required)]
    payment_id: Option<PaymentId>,
    #[schema(
        pattern = "^(pending|applied|ignored|deferred|quarantined|dead)$",
        example = "quarantined"
    )]
    status: String,
    /// Why it was not applied.
    #[schema(required, example = "currency_mismatch")]
    reason: Option<String>,
    #[schema(minimum = 0, example = 1)]
    attempts: i32,
    /// When a deferred one is tried again.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    #[schema(required)]
    processed_at: Option<DateTime<Utc>>,
}

impl From<WebhookRow> for WebhookEventBody {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            event_id: row.event_id,
            event_type: row.event_type,
            provider_payment_id: row.provider_payment_id,
            payment_id: row.payment_id,
            status: row.status,
            reason: row.reason,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            received_at: row.received_at,
            processed_at: row.processed_at,
        }
    }
}

/// An event that a consumer could not apply, or that waits behind one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterBody {
    id: Uuid,
    #[schema(example = "totals")]
    consumer: String,
    event_id: Uuid,
    #[schema(example = "payment.changed.v1")]
    event_type: String,
    aggregate_id: Uuid,
    #[schema(example = 3)]
    aggregate_version: i64,
    /// Its place in the log.
    #[schema(example = 4711)]
    seq: i64,
    #[schema(value_type = Object)]
    payload: Payload,
    /// 0 for one that only waits for an earlier event of its aggregate.
    #[schema(example = 8)]
    attempts: i32,
    #[schema(required, example = "campaign 01938f1e has no totals")]
    first_error: Option<String>,
    #[schema(required, example = "campaign 01938f1e has no totals")]
    last_error: Option<String>,
    /// When it first failed.
    parked_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<DeadLetter> for DeadLetterBody {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            consumer: letter.consumer,
            event_id: letter.event.event_id,
            event_type: letter.event.event_type,
            aggregate_id: letter.event.aggregate_id,
            aggregate_version: letter.event.aggregate_version,
            seq: letter.event.seq,
            payload: letter.event.payload,
            attempts: letter.attempts,
            first_error: letter.first_error,
            last_error: letter.last_error,
            parked_at: letter.parked_at,
            updated_at: letter.updated_at,
        }
    }
}

/// What was requeued: all letters of one consumer about one aggregate, since a later event cannot
/// be applied before an earlier one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReplayedLetters)]
pub struct ReplayedBody {
    #[schema(example = "totals")]
    consumer: String,
    aggregate_id: Uuid,
    #[schema(minimum = 1, example = 2)]
    letters: i64,
}

impl From<Replayed> for ReplayedBody {
    fn from(replayed: Replayed) -> Self {
        let Replayed { consumer, aggregate_id, letters } = replayed;
        Self { consumer, aggregate_id, letters }
    }
}

/// An act of an administrator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRecord)]
pub struct AuditRecordBody {
    id: Uuid,
    /// Who acted; `null`: the command line.
    #[schema(required)]
    actor_id: Option<Uuid>,
    #[schema(example = "user.suspend")]
    action: String,
    #[schema(example = "user")]
    target_type: String,
    /// `null` where the act had no single target.
    #[schema(required, example = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f")]
    target_id: Option<String>,
    #[schema(example = "asked for by the owner")]
    reason: String,
    /// What the act changed, as it was.
    #[schema(required, value_type = Option<Object>)]
    before: Option<Value>,
    /// And as it then was.
    #[schema(required, value_type = Option<Object>)]
    after: Option<Value>,
    #[schema(required, example = "5f1c2f0e-7c1a-7c3e-9f6e-0a4b5c6d7e8f")]
    request_id: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<Record> for AuditRecordBody {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            actor_id: record.actor_id,
            action: record.action,
            target_type: record.target_type,
            target_id: record.target_id,
            reason: record.reason,
            before: record.before,
            after: record.after,
            request_id: record.request_id,
            created_at: record.created_at,
        }
    }
}
