//! Every problem code, with its status, its title and its explanation.

use std::{fmt, str::FromStr};

macro_rules! catalog {
    ($($variant:ident, $code:literal, $status:literal, $title:literal, $text:literal;)*) => {
        /// What went wrong, as a stable name that programs can branch on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            $(#[doc = $text] $variant,)*
        }

        impl ProblemCode {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it goes over the wire, in kebab-case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A short summary that is the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means and what the client can do: the text of its page.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

catalog! {
    MalformedJson, "malformed-json", 400, "The body is not JSON",
        "The request body could not be read as JSON. The detail says where reading stopped. Mend the body and send it again.";
    ValidationFailed, "validation-failed", 400, "The request is not valid",
        "At least one field, parameter or header is missing, unknown or out of form. `errors` names each with the reason.";
    InvalidCursor, "invalid-cursor", 400, "The cursor is not one of ours",
        "Pass `next_cursor` of the page before, unchanged, or leave `cursor` out to start from the first page.";
    IdempotencyKeyMissing, "idempotency-key-missing", 400, "An Idempotency-Key is required",
        "This request moves or creates money. Send a fresh random `Idempotency-Key` header with it, and the same key when you repeat it.";
    IdempotencyKeyInvalid, "idempotency-key-invalid", 400, "The Idempotency-Key is not usable",
        "A key is 1 to 255 visible ASCII characters; a guest's has at least 16, so that nobody guesses it. `Idempotency-Key` and `X-Idempotency-Key` must not differ.";
    WebhookMalformed, "webhook-malformed", 400, "The webhook could not be read",
        "The signature is right, but the body is no event of this provider, or its id differs from the header's. The raw body is kept for inspection.";
    Unauthorized, "unauthorized", 401, "Credentials are needed",
        "The request carries no credentials, or they are unknown, expired or revoked. Sign in again or refresh the access token.";
    InvalidCredentials, "invalid-credentials", 401, "E-mail or password is wrong",
        "No account has this e-mail with this password. The answer is the same in both cases.";
    InvalidRefreshToken, "invalid-refresh-token", 401, "The refresh token is not valid",
        "The token is unknown, expired, revoked or was used before. Using one twice ends all sessions that descend from the same sign-in.";
    InvalidMagicLink, "invalid-magic-link", 401, "The magic link is not valid",
        "It is unknown, was used before, or is older than 15 minutes. Ask for another one.";
    WebhookSignatureInvalid, "webhook-signature-invalid", 401, "The webhook signature is not valid",
        "No active secret yields this signature over the raw body. Nothing was stored.";
    WebhookTimestampOutOfTolerance, "webhook-timestamp-out-of-tolerance", 401, "The webhook is too old or too new",
        "The signed time is more than 300 seconds from now. Nothing was stored; deliver it again with a fresh time and signature.";
    PaymentDeclined, "payment-declined", 402, "The payment was declined",
        "The provider refused this payment method. The pledge stays payable: pay again with another method and a new Idempotency-Key.";
    Forbidden, "forbidden", 403, "Not allowed",
        "You are known, but this act is not yours to do.";
    NotFound, "not-found", 404, "Not found",
        "There is no such resource, or it is not yours to know of.";
    CampaignNotFound, "campaign-not-found", 404, "The campaign does not exist",
        "No published campaign has this id.";
    MethodNotAllowed, "method-not-allowed", 405, "The method is not allowed here",
        "The path exists, but not with this method. `Allow` lists the ones that it has.";
    NotAcceptable, "not-acceptable", 406, "The answer cannot have this form",
        "The resource has no representation that `Accept` allows.";
    RequestTimeout, "request-timeout", 408, "The request took too long to arrive",
        "The whole request has to arrive within 30 seconds.";
    EmailTaken, "email-taken", 409, "The e-mail has an account",
        "An account with this e-mail exists. Sign in instead.";
    IdempotencyInProgress, "idempotency-in-progress", 409, "The same request is being executed",
        "A request with this key is still being executed. Repeat it after `Retry-After` seconds to get its answer.";
    InvalidTransition, "invalid-transition", 409, "The state does not allow this",
        "The resource is in a state from which this act is not possible. The detail names both.";
    CampaignNotAccepting, "campaign-not-accepting", 409, "The campaign does not accept gifts",
        "It is not active, suspended, not yet open, or past its end. The refusal is not remembered: the same key may be sent again later.";
    PledgeNotCancellable, "pledge-not-cancellable", 409, "The pledge cannot be cancelled",
        "Money was captured for it. Ask for a refund instead.";
    PledgeNotPayable, "pledge-not-payable", 409, "The pledge cannot be paid",
        "It is cancelled, or its campaign has no room left for it.";
    PaymentAlreadyActive, "payment-already-active", 409, "The pledge has a payment",
        "A payment of this pledge is on its way or captured. A new key does not mean a new charge; `payment_id` names the payment.";
    VersionConflict, "version-conflict", 412, "The resource has changed",
        "`If-Match` names another version than the current one. Read it again, and repeat the change on what you find.";
    PayloadTooLarge, "payload-too-large", 413, "The body is too large",
        "A request body holds at most 256 KiB.";
    UnsupportedMediaType, "unsupported-media-type", 415, "The media type is not supported",
        "Send `Content-Type: application/json`.";
    IdempotencyKeyReused, "idempotency-key-reused", 422, "The key belongs to another request",
        "This key was used for a request with another method, path, query or body. Use a fresh key for a new request.";
    CurrencyMismatch, "currency-mismatch", 422, "The currency is not the campaign's",
        "A gift has to be in the currency of its campaign.";
    AmountOutOfRange, "amount-out-of-range", 422, "The amount is out of range",
        "The amount is below the smallest or above the largest gift that is accepted. The detail names both.";
    GoalExceeded, "goal-exceeded", 422, "The gift exceeds the goal",
        "The campaign takes no more than its goal, and the room left is smaller than this gift.";
    RefundExceedsAvailable, "refund-exceeds-available", 422, "More than is left to refund",
        "A payment gives back at most what was captured, less what was refunded, is being refunded or is disputed. `available_minor` says how much that is.";
    PreconditionRequired, "precondition-required", 428, "If-Match is required",
        "Send `If-Match` with the `ETag` you have read, so that no change of somebody else is overwritten.";
    RateLimited, "rate-limited", 429, "Too many requests",
        "Slow down, and repeat the request after `Retry-After` seconds.";
    Internal, "internal", 500, "Something broke on our side",
        "The request could not be carried out because of a mistake of ours. Tell us the `trace_id`.";
    DatabaseUnavailable, "database-unavailable", 503, "The database is away",
        "Nothing is known to have been stored. Repeat the request, with the same Idempotency-Key, after `Retry-After` seconds.";
    Overloaded, "overloaded", 503, "Too busy",
        "More requests wait than can be carried out in time. Repeat the request, with the same Idempotency-Key, after `Retry-After` seconds.";
    ProviderUnavailable, "provider-unavailable", 503, "The payment provider is away",
        "The provider did not answer as it should. Repeat the request with the same Idempotency-Key: at most one charge will be made.";
}

impl ProblemCode {
    /// Seconds after which a retry makes sense, where waiting helps at all.
    pub const fn retry_after(self) -> Option<u32> {
        match self.status() {
            429 | 503 => Some(1),
            _ => match self {
                Self::IdempotencyInProgress => Some(1),
                _ => None,
            },
        }
    }

    /// The general code of an HTTP status, for errors that the framework makes.
    pub const fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 => Self::NotAcceptable,
            408 => Self::RequestTimeout,
            413 => Self::PayloadTooLarge,
            415 => Self::UnsupportedMediaType,
            429 => Self::RateLimited,
            400..=499 => Self::ValidationFailed,
            503 => Self::Overloaded,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProblemCode {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|c| c.as_str() == code).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_errors() {
        let mut codes: Vec<_> = ProblemCode::ALL.iter().map(|c| c.as_str()).collect();
        assert!(codes.iter().all(|c| c.bytes().all(|b| b == b'-' || b.is_ascii_lowercase())));
        assert!(ProblemCode::ALL.iter().all(|c| (400..600).contains(&c.status())));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
    }
}
