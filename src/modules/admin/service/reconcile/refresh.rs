//! Comparing and mending in a request: as much at once as a request may take.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{
    Outcome,
    walk::{self, Place},
};
use crate::{
    modules::admin::{error::AdminError, repo::Kind, report::Report, service::AdminService},
    platform::audit::{self, Author, Deed},
};

/// How long one request compares. It then compares once more what it has mended.
const PATIENCE: Duration = Duration::from_secs(8);

/// So many campaigns to be mended are enough for one request.
const MENDED_AT_ONCE: usize = 100;

impl AdminService {
    /// Compares the books from `from` on and mends what can be, as much as one request may; also
    /// returns where the next one goes on, if there is more.
    pub async fn refresh_totals(
        &self,
        from: Option<Place>,
        author: &Author,
    ) -> Result<(Outcome, Option<Place>), AdminError> {
        let start = from.unwrap_or(Place::START);
        let (found, steps, next) = self.examine_some(start).await?;
        let (mut repaired, mut left) = (0, None);
        if !found.is_clean() {
            repaired = self.mend(&found, author).await?;
            left = Some(self.examine_again(start, steps).await?);
        }
        if from.is_none() && next.is_none() {
            self.note(Kind::All, None, left.as_ref().unwrap_or(&found)).await?;
        }
        let outcome = Outcome { found, repaired, left };
        self.write_down(&outcome, author).await?;
        Ok((outcome, next))
    }

    async fn examine_some(
        &self,
        start: Place,
    ) -> Result<(Report, usize, Option<Place>), AdminError> {
        let end = Instant::now() + PATIENCE;
        let mut conn = self.database.conn().await?;
        let (mut report, mut steps, mut next) = (Report::default(), 0, Some(start));
        while let Some(place) = next {
            if steps > 0 && (Instant::now() > end || report.to_be_mended() >= MENDED_AT_ONCE) {
                break;
            }
            next = walk::step(&mut conn, place, &mut report).await?;
            steps += 1;
        }
        Ok((report, steps, next))
    }

    async fn examine_again(&self, start: Place, steps: usize) -> Result<Report, AdminError> {
        let mut conn = self.database.conn().await?;
        let (mut report, mut next) = (Report::default(), Some(start));
        for _ in 0..steps {
            let Some(place) = next else { break };
            next = walk::step(&mut conn, place, &mut report).await?;
        }
        Ok(report)
    }

    async fn write_down(&self, outcome: &Outcome, author: &Author) -> Result<(), AdminError> {
        let mut conn = self.database.conn().await?;
        let before = json!({ "drift": outcome.found.counts });
        let after = json!({ "drift": outcome.left.as_ref().map(|left| &left.counts),
                            "repaired": outcome.repaired });
        let deed = Deed {
            action: "totals.refresh",
            target_type: "totals",
            target_id: None,
            before: Some(&before),
            after: Some(&after),
        };
        Ok(audit::record(&mut conn, author, deed).await?)
    }
}
