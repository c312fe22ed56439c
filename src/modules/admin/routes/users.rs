//! Roles and suspensions.

use actix_web::{HttpRequest, post};

use super::{
    super::dto::{AdminUserBody, Reason, RoleChange},
    Answer, Service, author, id, reasoned,
};
use crate::{
    kernel::ids::UserId,
    modules::auth::api::{Admin, admin::Act},
    platform::http::{JsonBody, ok},
};

/// Change a user's role
///
/// Ends the user's sessions. Nobody changes their own role, so that an administrator always remains.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The user")),
    request_body(content = RoleChange, example = json!({ "role": "admin", "reason": "joins the team" })),
    responses((status = 200, description = "The user as they are now", body = AdminUserBody)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "not-found", "invalid-transition"
    ])))
)]
#[post("/admin/users/{id}/role")]
pub async fn change_role(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let id = id(&request).await?;
    let (role, reason) = body.parse::<RoleChange>()?.checked()?;
    let author = author(caller, &request, &reason);
    let user = service.act_on_user(caller.user_id, &author, id, Act::Role(role)).await?;
    Ok(ok(&AdminUserBody::from(user)))
}

/// Suspend a user
///
/// The user cannot sign in any more, and their sessions end, within about a second on every replica. Nobody suspends themselves.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The user")),
    request_body(content = Reason, example = json!({ "reason": "stolen card numbers" })),
    responses((status = 200, description = "The user as they are now", body = AdminUserBody)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "not-found", "invalid-transition"
    ])))
)]
#[post("/admin/users/{id}/suspend")]
pub async fn suspend_user(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (id, author) = (id(&request).await?, reasoned(caller, &request, &body)?);
    let user = service.act_on_user(caller.user_id, &author, id, Act::Suspend).await?;
    Ok(ok(&AdminUserBody::from(user)))
}

/// Let a user in again
///
/// They sign in anew.
#[utoipa::path(
    tag = "admin",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The user")),
    request_body(content = Reason, example = json!({ "reason": "it was a mistake" })),
    responses((status = 200, description = "The user as they are now", body = AdminUserBody)),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "validation-failed", "not-found", "invalid-transition"
    ])))
)]
#[post("/admin/users/{id}/unsuspend")]
pub async fn unsuspend_user(
    service: Service,
    caller: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Answer {
    let (id, author) = (id(&request).await?, reasoned(caller, &request, &body)?);
    let user = service.act_on_user(caller.user_id, &author, id, Act::Unsuspend).await?;
    Ok(ok(&AdminUserBody::from(user)))
}
