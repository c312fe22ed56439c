//! What somebody has given so far.

use std::collections::HashMap;

use diesel::QueryResult;
use futures_util::future::BoxFuture;

use super::PledgeService;
use crate::{
    kernel::{
        email::Email,
        ids::{CampaignId, PaymentId, PledgeId},
        page::{Page, PageRequest},
    },
    modules::{
        auth::api::{GuestGifts, HistoryReader},
        campaign::api as campaign,
        pledge::{
            error::PledgeError,
            model::{PaymentState, Pledge},
            repo,
        },
    },
    platform::postgres::Connection,
};

/// A gift with what its donor wants to know of it.
#[derive(Debug, Clone)]
pub struct Gift {
    pub pledge: Pledge,
    pub campaign_title: String,
    pub payment: Option<PaymentState>,
}

impl PledgeService {
    /// One page of the reader's gifts, newest first. Campaigns and payments are looked up once for
    /// the whole page.
    pub async fn history(
        &self,
        reader: HistoryReader,
        page: &PageRequest<PledgeId>,
    ) -> Result<Page<Gift>, PledgeError> {
        let mut conn = self.database.conn().await?;
        let whose = reader.history(&mut conn).await?;
        let pledges = repo::list_given(&mut conn, &whose, page).await?;
        let page = Page::new(pledges, page.limit, |pledge| pledge.id);
        let ids: Vec<PledgeId> = page.data.iter().map(|pledge| pledge.id).collect();
        let campaigns: Vec<CampaignId> = page.data.iter().map(|p| p.campaign_id).collect();
        let titles = campaign::titles(&mut conn, &campaigns).await?;
        let mut payments: HashMap<PledgeId, Vec<PaymentState>> = HashMap::new();
        for state in repo::newest_of(&mut conn, &ids).await? {
            payments.entry(state.pledge_id).or_default().push(state);
        }
        Ok(page.map(|pledge| Gift {
            campaign_title: titles.get(&pledge.campaign_id).cloned().unwrap_or_default(),
            payment: telling(payments.remove(&pledge.id).unwrap_or_default(), pledge.payment_id),
            pledge,
        }))
    }
}

/// The payment that a donor wants to hear of: the one that took money, or else the last.
fn telling(payments: Vec<PaymentState>, last: Option<PaymentId>) -> Option<PaymentState> {
    payments
        .into_iter()
        .max_by_key(|p| (p.captured_minor > 0, last == Some(p.payment_id), p.payment_id))
}

/// Tells the auth module who has given as a guest.
pub struct KnownGuests;

impl GuestGifts for KnownGuests {
    fn exist<'a>(
        &'a self,
        conn: &'a mut Connection,
        email: &'a Email,
    ) -> BoxFuture<'a, QueryResult<bool>> {
        Box::pin(repo::has_given(conn, email))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payment_that_took_the_money_tells_more_than_the_last() {
        let pledge_id = PledgeId::generate();
        let payment = |captured_minor| PaymentState {
            payment_id: PaymentId::generate(),
            pledge_id,
            version: 1,
            status: String::new(),
            captured_minor,
            refunded_minor: 0,
            disputed_minor: 0,
        };
        let (late, failed, last) = (payment(100), payment(0), payment(0));
        let told = |payments: &[&PaymentState]| {
            let payments = payments.iter().map(|p| (*p).clone()).collect();
            telling(payments, Some(last.payment_id)).map(|p| p.payment_id)
        };
        assert_eq!(told(&[&late, &failed, &last]), Some(late.payment_id));
        assert_eq!(told(&[&last, &failed]), Some(last.payment_id));
        assert_eq!(told(&[]), None);
    }
}
