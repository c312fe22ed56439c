//! The HTTP side of administration. Every handler judges the caller first: query, path and body are
//! read only for an administrator.

mod books;
mod campaigns;
mod inbox;
mod lists;
mod refunds;
mod users;

use std::str::FromStr;

use actix_web::{FromRequest, HttpRequest, HttpResponse, web::Data};
use serde::de::DeserializeOwned;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{dto::Reason, service::AdminService};
use crate::{
    kernel::problem::Problem,
    modules::auth::api::Admin,
    platform::{
        audit::Author,
        http::{JsonBody, PathId, Query, RequestId},
    },
};

type Answer = Result<HttpResponse, Problem>;
type Service = Data<AdminService>;

/// Mounts the routes under `/api/v1`; they need a `Data<AdminService>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(books::refresh_totals)
        .service(books::get_dashboard)
        .service(books::list_audit_log)
        .service(lists::list_all_users)
        .service(lists::list_all_campaigns)
        .service(lists::list_all_pledges)
        .service(lists::list_all_payments)
        .service(inbox::list_webhook_events)
        .service(inbox::replay_webhook_event)
        .service(inbox::list_dead_letters)
        .service(inbox::replay_dead_letter)
        .service(users::change_role)
        .service(users::suspend_user)
        .service(users::unsuspend_user)
        .service(campaigns::suspend_campaign)
        .service(campaigns::unsuspend_campaign)
        .service(refunds::refund_campaign)
        .service(refunds::get_campaign_refunds);
}

/// The query, read once the caller is known.
async fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    Ok(Query::<T>::extract(request).await?.0)
}

/// The `{id}`, read once the caller is known.
async fn id<T: FromStr>(request: &HttpRequest) -> Result<T, Problem> {
    Ok(PathId::<T>::extract(request).await?.0)
}

/// Who acts, why, and on which request.
fn author(caller: Admin, request: &HttpRequest, reason: &str) -> Author {
    Author::user(caller.user_id, RequestId::from(request), Some(reason))
}

/// [`author`], with the reason from the body.
fn reasoned(caller: Admin, request: &HttpRequest, body: &JsonBody) -> Result<Author, Problem> {
    Ok(author(caller, request, &body.parse::<Reason>()?.checked()?))
}
