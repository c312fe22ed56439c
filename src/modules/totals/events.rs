//! What the totals announce. The aggregate is the campaign's totals, named by the campaign, which
//! is the partition key too.

use serde::{Deserialize, Serialize};

use crate::kernel::{ids::CampaignId, money::Currency};

/// What a campaign has captured, refunded or lost to disputes, or its goal, has changed; at most
/// once for each batch that the totals consume. Promises alone (`pledged_minor`) are not announced:
/// they come by the thousand, and move no money.
pub const TOTALS_CHANGED: &str = "totals.changed.v1";

/// The payload of [`TOTALS_CHANGED`]: the totals as they are at this version. Amounts are in the
/// minor unit of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalsChanged {
    pub campaign_id: CampaignId,
    pub version: i64,
    pub currency: Currency,
    pub goal_minor: i64,
    pub pledged_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub disputed_minor: i64,
    pub donation_count: i64,
    pub donor_count: i64,
}

impl TotalsChanged {
    /// What the campaign may keep ÷ its goal, in millionths, rounded down.
    pub fn funded_ppm(&self) -> i64 {
        let net = self.captured_minor - self.refunded_minor - self.disputed_minor;
        let ppm = i128::from(net) * 1_000_000 / i128::from(self.goal_minor.max(1));
        i64::try_from(ppm).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ppm(captured_minor: i64, given_back: (i64, i64), goal_minor: i64) -> i64 {
        let (refunded_minor, disputed_minor) = given_back;
        let totals = TotalsChanged {
            campaign_id: CampaignId::generate(),
            version: 1,
            currency: "USD".parse().unwrap(),
            goal_minor,
            pledged_minor: 0,
            captured_minor,
            refunded_minor,
            disputed_minor,
            donation_count: 1,
            donor_count: 1,
        };
        totals.funded_ppm()
    }

    #[test]
    fn funding_is_what_may_be_kept_in_millionths_of_the_goal() {
        assert_eq!(ppm(50, (0, 0), 100), 500_000);
        assert_eq!(ppm(50, (20, 20), 100), 100_000);
        assert_eq!(ppm(1, (0, 0), 3), 333_333);
        assert_eq!(ppm(0, (0, 0), 1), 0);
        assert_eq!(ppm(i64::MAX, (0, 0), 1), i64::MAX, "the largest there is, not a wrapped one");
    }
}
