//! The room under the goal of campaigns that take no more than it.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::QueryResult;

use super::super::{
    error::PledgeError,
    model::Pledge,
    repo::{self, NewPledge},
};
use crate::{
    kernel::{ids::CampaignId, money::Money},
    modules::campaign::api::GiftTerms,
    platform::{idempotency, postgres::Connection},
};

/// Refuses what does not fit under the goal, in the order of arrival, and returns the gifts whose
/// keys were used before: they are repetitions, which need no room and must not take it from
/// others. Campaigns are locked in ascending order.
pub async fn reserve(
    conn: &mut Connection,
    jobs: &[NewPledge],
    terms: &HashMap<CampaignId, GiftTerms>,
    verdicts: &mut [Result<(), PledgeError>],
) -> QueryResult<HashSet<usize>> {
    let mut limited: BTreeMap<CampaignId, Vec<usize>> = BTreeMap::new();
    for (i, job) in jobs.iter().enumerate().filter(|(i, _)| verdicts[*i].is_ok()) {
        if terms.get(&job.pledge.campaign_id).is_some_and(|t| !t.allow_overfunding) {
            limited.entry(job.pledge.campaign_id).or_default().push(i);
        }
    }
    let mut repeated = HashSet::new();
    for (campaign, members) in limited {
        let terms = &terms[&campaign];
        let mut left = terms.goal_minor - repo::lock(conn, campaign, terms.version).await?;
        // under the lock: what another replica has just committed is seen
        let keys: Vec<_> = members.iter().map(|i| &jobs[*i].key).collect();
        let mut used = idempotency::find_used(conn, &keys).await?;
        for i in members {
            let (name, amount) = (jobs[i].key.name(), jobs[i].pledge.amount_minor);
            if used.contains(&name) {
                repeated.insert(i);
            } else if amount > left {
                let room = Money::new(left.max(0), terms.currency);
                verdicts[i] = Err(PledgeError::GoalExceeded { room });
            } else {
                left -= amount;
                used.insert(name);
            }
        }
    }
    Ok(repeated)
}

/// Takes the room of gifts that were made.
pub async fn take(
    conn: &mut Connection,
    new: &[&Pledge],
    terms: &HashMap<CampaignId, GiftTerms>,
) -> QueryResult<()> {
    let mut taken: BTreeMap<CampaignId, i64> = BTreeMap::new();
    for pledge in new.iter().filter(|p| !terms[&p.campaign_id].allow_overfunding) {
        *taken.entry(pledge.campaign_id).or_default() += pledge.amount_minor;
    }
    for (campaign, amount) in taken {
        repo::adjust(conn, campaign, amount).await?;
    }
    Ok(())
}
