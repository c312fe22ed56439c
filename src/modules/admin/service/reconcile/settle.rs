//! Waiting for what is under way: a report is about something settled, or says what is not.

use std::time::Duration;

use super::{
    CAMPAIGNS, PAGE,
    walk::{Pace, campaigns, payments, pledges},
};
use crate::modules::admin::{error::AdminError, report::Report, service::AdminService};

/// How often is looked again, and how long after the last look. Events are mostly applied within
/// milliseconds; what is written to without a pause is never seen at rest.
const LOOKS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

impl AdminService {
    /// Compares everything, and looks again at what events under way may explain.
    pub(super) async fn examine_settled(&self, pace: Pace) -> Result<Report, AdminError> {
        let mut report = self.examine_all(pace).await?;
        for _ in 0..LOOKS {
            if report.open.is_empty() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            self.look_again(&mut report).await?;
        }
        Ok(report)
    }

    async fn look_again(&self, report: &mut Report) -> Result<(), AdminError> {
        let open = std::mem::take(&mut report.open);
        let mut conn = self.database.conn().await?;
        for ids in Vec::from_iter(open.payments).chunks(PAGE.into()) {
            payments(&mut conn, ids, report).await?;
        }
        for ids in Vec::from_iter(open.pledges).chunks(PAGE.into()) {
            pledges(&mut conn, ids, report).await?;
        }
        for ids in Vec::from_iter(open.terms).chunks(CAMPAIGNS.into()) {
            campaigns(&mut conn, ids, report).await?;
        }
        Ok(())
    }
}
