//! People, campaigns, pledges and payments, newest first.

use actix_web::{HttpRequest, get};

use super::{
    super::dto::{
        AdminUserBody, CampaignsQuery, PaymentState, PaymentsQuery, PledgeState, PledgesQuery,
        UserStatus, UsersQuery, sane,
    },
    Answer, Service, query,
};
use crate::{
    kernel::page::Page,
    modules::{
        auth::api::{Admin, admin::UserFilter},
        campaign::api::admin::{CampaignView, Filter as CampaignFilter},
        payment::api::admin::{PaymentBody, PaymentFilter},
        pledge::api::admin::{Filter as PledgeFilter, PledgeBody},
    },
    platform::http::ok,
};

/// List users
///
/// Newest first.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(UsersQuery),
    responses((status = 200, description = "One page", body = Page<AdminUserBody>)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[get("/admin/users")]
pub async fn list_all_users(service: Service, _: Admin, request: HttpRequest) -> Answer {
    let query: UsersQuery = query(&request).await?;
    let filter = UserFilter {
        suspended: query.status.map(|status| status == UserStatus::Suspended),
        user_id: query.user_id,
        period: query.period()?,
    };
    let page = service.users(&filter, &query.page()?).await?;
    Ok(ok(&page.map(AdminUserBody::from)))
}

/// List all campaigns
///
/// Newest first, drafts too, with their totals.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(CampaignsQuery),
    responses((status = 200, description = "One page", body = Page<CampaignView>)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[get("/admin/campaigns")]
pub async fn list_all_campaigns(service: Service, _: Admin, request: HttpRequest) -> Answer {
    let query: CampaignsQuery = query(&request).await?;
    let filter =
        CampaignFilter { status: query.status, owner: query.user_id, period: query.period()? };
    Ok(ok(&service.campaigns(&filter, &sane(query.page()?)?).await?))
}

/// List all pledges
///
/// Newest first, with their donors' e-mail.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(PledgesQuery),
    responses((status = 200, description = "One page", body = Page<PledgeBody>)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[get("/admin/pledges")]
pub async fn list_all_pledges(service: Service, _: Admin, request: HttpRequest) -> Answer {
    let query: PledgesQuery = query(&request).await?;
    let filter = PledgeFilter {
        status: query.status.map(PledgeState::as_str),
        campaign_id: query.campaign_id,
        user_id: query.user_id,
        period: query.period()?,
    };
    Ok(ok(&service.pledges(&filter, &query.page()?).await?))
}

/// List all payments
///
/// Newest first.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(PaymentsQuery),
    responses((status = 200, description = "One page", body = Page<PaymentBody>)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "invalid-cursor"
    ])))
)]
#[get("/admin/payments")]
pub async fn list_all_payments(service: Service, _: Admin, request: HttpRequest) -> Answer {
    let query: PaymentsQuery = query(&request).await?;
    let filter = PaymentFilter {
        status: query.status.map(PaymentState::as_str),
        campaign_id: query.campaign_id,
        period: query.period()?,
    };
    Ok(ok(&service.payments(&filter, &query.page()?).await?))
}
