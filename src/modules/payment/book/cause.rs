//! Where an input comes from.

use chrono::{DateTime, Utc};

use crate::{
    kernel::clock,
    platform::telemetry::{self, TraceContext},
};

/// By which way an input came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Webhook,
    Api,
    /// Our own follow-up: cancellations, questions.
    Sweeper,
    Admin,
}

impl Source {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Api => "api",
            Self::Sweeper => "sweeper",
            Self::Admin => "admin",
        }
    }
}

/// Where an input comes from, for the history.
#[derive(Debug, Clone)]
pub struct Cause {
    pub source: Source,
    /// The event in the provider's words, or ours.
    pub event: String,
    pub provider_event_id: Option<String>,
    pub occurred_at: DateTime<Utc>,
    pub trace: Option<TraceContext>,
}

impl Cause {
    /// Something that we know of ourselves, and not by an event of the provider.
    pub fn own(source: Source, event: &str) -> Self {
        Self {
            source,
            event: event.to_owned(),
            provider_event_id: None,
            occurred_at: clock::now(),
            trace: telemetry::current(),
        }
    }
}
