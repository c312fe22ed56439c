//! Is what was acknowledged counted, and counted once?

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde::Deserialize;

use super::{donor::AMOUNT_MINOR, ground::Ground, http::Http, tally::Said};

/// How long the work behind the requests may take to catch up.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the check found.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    pub pledged: u64,
    pub captured: u64,
    /// From the last answer until everything was counted.
    pub after: Duration,
}

#[derive(Debug, Deserialize)]
struct Totals {
    pledged_minor: u64,
    captured_minor: u64,
    donation_count: u64,
}

/// Waits until every campaign's totals are what the server has said.
///
/// # Errors
/// When they are more than that, or still less after two minutes.
pub async fn counted_once(ground: &Ground, said: &[Said]) -> anyhow::Result<Verdict> {
    let begin = Instant::now();
    let mut http = Http::connect(ground.address).await?;
    let mut verdict = Verdict { pledged: 0, captured: 0, after: Duration::ZERO };
    for (campaign, said) in ground.campaigns.iter().zip(said) {
        let totals = loop {
            let totals = totals(&mut http, campaign).await?;
            if is_settled(&totals, said, campaign)? {
                break totals;
            }
            if begin.elapsed() > PATIENCE {
                bail!("campaign {campaign}: acknowledged {said:?}, counted {totals:?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        verdict.pledged += totals.pledged_minor / AMOUNT_MINOR;
        verdict.captured += totals.donation_count;
    }
    verdict.after = begin.elapsed();
    Ok(verdict)
}

/// Whether all is there; an error if it is more than was ever asked for, which no waiting mends.
fn is_settled(totals: &Totals, said: &Said, campaign: &str) -> anyhow::Result<bool> {
    let (pledges, captures) =
        (totals.pledged_minor / AMOUNT_MINOR, totals.captured_minor / AMOUNT_MINOR);
    ensure!(
        pledges <= said.pledged + said.maybe_pledged
            && captures <= said.captured + said.maybe_captured
            && totals.donation_count <= captures,
        "campaign {campaign}: counted more than was given: acknowledged {said:?}, counted {totals:?}"
    );
    let all = pledges >= said.pledged && captures >= said.captured;
    Ok(all && totals.donation_count == captures)
}

async fn totals(http: &mut Http, campaign: &str) -> anyhow::Result<Totals> {
    let path = format!("/api/v1/campaigns/{campaign}/totals?realtime=true");
    let reply = http.get(&path).await?;
    ensure!(reply.status == 200, "GET {path}: {}", reply.status);
    Ok(serde_json::from_slice(reply.body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(pledges: u64, captures: u64, donations: u64, said: Said) -> anyhow::Result<bool> {
        let totals = Totals {
            pledged_minor: pledges * AMOUNT_MINOR,
            captured_minor: captures * AMOUNT_MINOR,
            donation_count: donations,
        };
        is_settled(&totals, &said, "c")
    }

    #[test]
    fn less_is_waited_for_and_more_is_an_error() {
        let said = Said { pledged: 10, captured: 5, ..Said::default() };
        assert!(settled(10, 5, 5, said).unwrap());
        assert!(!settled(9, 5, 5, said).unwrap());
        assert!(!settled(10, 4, 4, said).unwrap());
        assert!(!settled(10, 5, 4, said).unwrap());
        assert!(settled(11, 5, 5, said).is_err());
        assert!(settled(10, 6, 5, said).is_err());
        assert!(settled(10, 5, 6, said).is_err());
    }

    #[test]
    fn what_got_no_answer_may_have_been_done_or_not() {
        let said = Said { pledged: 10, maybe_pledged: 2, ..Said::default() };
        for pledges in 10..=12 {
            assert!(settled(pledges, 0, 0, said).unwrap());
        }
        assert!(settled(13, 0, 0, said).is_err());
    }
}
