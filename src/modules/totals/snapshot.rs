//! An answer that is ready to be sent: what the caches hold.

use actix_web::{http::header::HeaderValue, web::Bytes};
use chrono::{DateTime, Utc};

use super::{
    dto::{Source, TotalsView},
    model::Totals,
};
use crate::kernel::version;

/// How every body ends, after the name of its source.
const END: &str = "\"}";

/// What every prefix ends with.
const SOURCE: &[u8] = b"\"source\":\"";

/// The serialised totals of one campaign at one version. The body as the process cache sends it is
/// kept whole, so that a hit copies nothing.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub version: i64,
    pub etag: HeaderValue,
    body: Bytes,
    /// How much of the body goes before the name of its source.
    prefix: usize,
}

impl Snapshot {
    pub fn new(totals: &Totals, as_of: DateTime<Utc>) -> Option<Self> {
        let view = TotalsView::new(totals, as_of, Source::ProcessCache);
        let body = serde_json::to_vec(&view).ok()?;
        let prefix = body.len().checked_sub(Source::ProcessCache.as_str().len() + END.len())?;
        Self::assemble(totals.version, body, prefix)
    }

    /// What [`Self::shared`] gave to Redis, unless something else was found there.
    pub fn from_shared(version: i64, prefix: &[u8]) -> Option<Self> {
        let length = prefix.len();
        Self::assemble(version, with_source(prefix, Source::ProcessCache), length)
    }

    /// The part that is the same for every source.
    pub fn shared(&self) -> Bytes {
        self.body.slice(..self.prefix)
    }

    /// The body to send.
    pub fn body(&self, source: Source) -> Bytes {
        match source {
            Source::ProcessCache => self.body.clone(),
            other => with_source(&self.body[..self.prefix], other).into(),
        }
    }

    fn assemble(version: i64, body: Vec<u8>, prefix: usize) -> Option<Self> {
        body.get(..prefix)?.ends_with(SOURCE).then_some(())?;
        let etag = HeaderValue::try_from(version::etag(version)).ok()?;
        Some(Self { version, etag, body: body.into(), prefix })
    }
}

fn with_source(prefix: &[u8], source: Source) -> Vec<u8> {
    [prefix, source.as_str().as_bytes(), END.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kernel::{clock, ids::CampaignId};

    fn totals() -> Totals {
        Totals {
            campaign_id: CampaignId::generate(),
            currency: "USD".parse().unwrap(),
            goal_minor: 1000,
            pledged_minor: 30,
            captured_minor: 25,
            refunded_minor: 5,
            disputed_minor: 1,
            donation_count: 2,
            donor_count: 1,
            published: true,
            version: 7,
        }
    }

    #[test]
    fn every_source_tells_the_same_figures_and_its_own_name() {
        let (totals, now) = (totals(), clock::now());
        let fresh = Snapshot::new(&totals, now).unwrap();
        let shared = Snapshot::from_shared(7, &fresh.shared()).unwrap();
        for snapshot in [fresh, shared] {
            assert_eq!(snapshot.etag, "\"7\"");
            for source in [Source::ProcessCache, Source::Redis, Source::ReadModel] {
                let body: Value = serde_json::from_slice(&snapshot.body(source)).unwrap();
                let view = TotalsView::new(&totals, now, source);
                assert_eq!(body, serde_json::to_value(view).unwrap());
                assert_eq!(body["source"], json!(source.as_str()));
                assert_eq!(body["net_minor"], json!(19));
                assert_eq!(body["percent_funded"], json!(1.9));
                assert!(body["as_of"].as_str().unwrap().ends_with('Z'));
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_not_taken_from_redis() {
        for junk in [&b""[..], b"{}", b"{\"source\":"] {
            assert!(Snapshot::from_shared(1, junk).is_none());
        }
    }
}
