//! Lists: each is one page, read by an index, past all caches.

use uuid::Uuid;

use super::AdminService;
use crate::{
    kernel::{
        ids::{PaymentId, PledgeId, UserId},
        page::{Page, PageRequest},
        period::Period,
    },
    modules::{
        admin::error::AdminError,
        auth::api::admin::{self as auth, Standing, UserFilter},
        campaign::api::admin::{self as campaign, CampaignView, ListKey},
        payment::api::admin::{
            self as payment, PaymentBody, PaymentFilter, WebhookFilter, WebhookKey, WebhookRow,
        },
        pledge::api::admin::{self as pledge, PledgeBody},
    },
    platform::{
        audit,
        event_bus::{self, DeadLetter},
    },
};

impl AdminService {
    pub async fn users(
        &self,
        filter: &UserFilter,
        page: &PageRequest<UserId>,
    ) -> Result<Page<Standing>, AdminError> {
        let mut conn = self.database.conn().await?;
        let rows = auth::list_users(&mut conn, filter, page).await?;
        Ok(Page::new(rows, page.limit, |(user, _)| user.id))
    }

    pub async fn campaigns(
        &self,
        filter: &campaign::Filter,
        page: &PageRequest<ListKey>,
    ) -> Result<Page<CampaignView>, AdminError> {
        let mut conn = self.database.conn().await?;
        Ok(campaign::list(&mut conn, filter, page).await?)
    }

    pub async fn pledges(
        &self,
        filter: &pledge::Filter,
        page: &PageRequest<PledgeId>,
    ) -> Result<Page<PledgeBody>, AdminError> {
        let mut conn = self.database.conn().await?;
        Ok(pledge::list(&mut conn, filter, page).await?)
    }

    pub async fn payments(
        &self,
        filter: &PaymentFilter,
        page: &PageRequest<PaymentId>,
    ) -> Result<Page<PaymentBody>, AdminError> {
        let mut conn = self.database.conn().await?;
        Ok(payment::list_payments(&mut conn, filter, page).await?)
    }

    pub async fn webhooks(
        &self,
        filter: &WebhookFilter,
        page: &PageRequest<WebhookKey>,
    ) -> Result<Page<WebhookRow>, AdminError> {
        let mut conn = self.database.conn().await?;
        Ok(payment::list_webhooks(&mut conn, filter, page).await?)
    }

    pub async fn letters(
        &self,
        period: Period,
        page: &PageRequest<Uuid>,
    ) -> Result<Page<DeadLetter>, AdminError> {
        let mut conn = self.database.conn().await?;
        let rows = event_bus::dead_letters(&mut conn, period, page.after, page.limit + 1).await?;
        Ok(Page::new(rows, page.limit, |letter| letter.id))
    }

    pub async fn audit_log(
        &self,
        filter: &audit::Filter,
        page: &PageRequest<Uuid>,
    ) -> Result<Page<audit::Record>, AdminError> {
        let mut conn = self.database.conn().await?;
        let rows = audit::list(&mut conn, filter, page).await?;
        Ok(Page::new(rows, page.limit, |record| record.id))
    }
}
