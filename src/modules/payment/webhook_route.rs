//! `POST /webhooks/{provider}`: verify, store, acknowledge.

use actix_web::{HttpRequest, HttpResponse, post, web};

use super::{
    api::WebhookError,
    dto::WebhookReceipt,
    inbox::{Arrival, Door, letter},
    repo::NewInboxRow,
    service::PaymentService,
};
use crate::{
    kernel::{
        clock,
        problem::{Problem, ProblemCode},
    },
    platform::http::{RawBody, ok},
};

/// Receive a webhook
///
/// For payment providers. The signature is checked over the raw body; 200 means that the event is
/// durable, not that it has been applied.
#[utoipa::path(
    tag = "webhooks",
    params(
        ("provider" = String, Path, description = "The provider", example = "sandbox"),
        ("webhook-id" = Option<String>, Header, description = "`sandbox`: the event's id"),
        ("webhook-timestamp" = Option<String>, Header, description = "`sandbox`: seconds since 1970"),
        ("webhook-signature" = Option<String>, Header, description = "`sandbox`: Standard Webhooks, `v1,<base64>`"),
        ("Stripe-Signature" = Option<String>, Header, description = "`stripe`: `t=…,v1=…`"),
    ),
    request_body(content_type = "application/json", description = "The provider's event, signed", content = Object, example = json!({
        "id": "evt_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f",
        "type": "payment.captured",
        "created_at": "2026-11-20T18:00:00Z",
        "data": {
            "payment_id": "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f",
            "amount_minor": 2500,
            "currency": "USD",
            "metadata": { "payment_id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f" }
        }
    })),
    responses((status = 200, description = "Committed, now or before", body = WebhookReceipt)),
    extensions(("x-problems" = json!([
        "webhook-malformed", "webhook-signature-invalid", "webhook-timestamp-out-of-tolerance",
        "not-found"
    ])))
)]
#[post("/webhooks/{provider}")]
pub async fn receive_webhook(
    request: HttpRequest,
    name: web::Path<String>,
    body: RawBody,
    service: web::Data<PaymentService>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    let provider = service.providers().get(&name).ok_or_else(|| {
        Problem::new(ProblemCode::NotFound, "no such provider is configured here")
    })?;
    let body = body.0;
    provider
        .verify(request.headers(), &body, clock::now())
        .map_err(|error| refuse(provider.name(), &error))?;
    let parsed = provider.parse(Some(request.headers()), &body);
    let arrival = admit(&door, letter(provider, &body, &parsed)).await?;
    service.wake_inbox();
    if let Err(error) = &parsed {
        return Err(refuse(provider.name(), error));
    }
    let (outcome, status) = match arrival {
        Arrival::Accepted => ("accepted", "accepted"),
        Arrival::Duplicate { conflict: false } => ("duplicate", "duplicate"),
        Arrival::Duplicate { conflict: true } => ("conflict", "duplicate"),
    };
    count(provider.name(), outcome);
    Ok(ok(&WebhookReceipt { status }))
}

async fn admit(door: &Door, row: NewInboxRow) -> Result<Arrival, Problem> {
    let late = || Problem::new(ProblemCode::Overloaded, "not committed in time; deliver it again");
    door.admit_in_time(row).await?.ok_or_else(late)
}

fn refuse(provider: &'static str, error: &WebhookError) -> Problem {
    let (outcome, code) = match error {
        WebhookError::Signature => ("signature_invalid", ProblemCode::WebhookSignatureInvalid),
        WebhookError::Timestamp => {
            ("timestamp_out_of_tolerance", ProblemCode::WebhookTimestampOutOfTolerance)
        }
        WebhookError::Malformed(_) => ("malformed", ProblemCode::WebhookMalformed),
        WebhookError::WrongMode(_) => {
            tracing::error!(provider, %error, "is the webhook's secret that of the other mode?");
            ("wrong_mode", ProblemCode::WebhookMalformed)
        }
    };
    count(provider, outcome);
    Problem::new(code, error.to_string())
}

fn count(provider: &'static str, outcome: &'static str) {
    metrics::counter!("webhooks_total", "provider" => provider, "outcome" => outcome).increment(1);
}
