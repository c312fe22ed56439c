//! What only a user in person may do, and no API key: passwords, sessions, keys.

use actix_web::{HttpResponse, delete, get, post};
use uuid::Uuid;

use super::{Answer, Auth};
use crate::{
    kernel::{
        ids::ApiKeyId,
        page::{Page, PageQuery},
        problem::Problem,
    },
    modules::auth::{
        api::SessionHolder,
        dto::{
            ApiKeyBody, ChangePasswordRequest, CreateApiKeyRequest, NewApiKeyBody, OpenSessionBody,
        },
        error::AuthError,
        service::PasswordChange,
    },
    platform::http::{ClientAddress, Json, PathId, Query, created, ok},
};

/// Change my password
///
/// The other sessions of the account end, and its owner is told by mail. A wrong current password
/// counts like a wrong one at sign-in.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body(content = ChangePasswordRequest, example = json!({
        "current_password": "correct horse battery staple",
        "new_password": "another horse, another staple"
    })),
    responses((status = 204, description = "The password is another one")),
    extensions(("x-problems" = json!([
        "unauthorized", "forbidden", "invalid-credentials"
    ])))
)]
#[post("/me/password")]
pub async fn change_password(
    auth: Auth,
    caller: SessionHolder,
    client: ClientAddress,
    Json(body): Json<ChangePasswordRequest>,
) -> Answer {
    let (current, new) = body.parse()?;
    let SessionHolder { user_id: user, session_id: session } = caller;
    let change = PasswordChange { user, session, current, new, address: client.0 };
    auth.change_password(change).await.map_err(|error| match error {
        AuthError::CommonPassword => {
            Problem::field("new_password", "too-common", error.to_string())
        }
        error => error.into(),
    })?;
    Ok(HttpResponse::NoContent().finish())
}

/// List my sessions
///
/// Those that can be continued, the latest sign-in first.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "One page", body = Page<OpenSessionBody>)),
    extensions(("x-problems" = json!([
        "validation-failed", "invalid-cursor", "unauthorized", "forbidden"
    ])))
)]
#[get("/me/sessions")]
pub async fn list_sessions(
    auth: Auth,
    caller: SessionHolder,
    Query(query): Query<PageQuery>,
) -> Answer {
    let sessions = auth.list_sessions(caller, &query.parse()?).await?;
    Ok(ok(&sessions.map(|session| OpenSessionBody::new(&session, caller.session_id))))
}

/// End one of my sessions
///
/// It cannot be continued, and its access tokens are refused within about a second on every replica.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "The session has ended")),
    extensions(("x-problems" = json!([
        "validation-failed", "unauthorized", "forbidden", "not-found"
    ])))
)]
#[delete("/me/sessions/{id}")]
pub async fn end_session(auth: Auth, caller: SessionHolder, id: PathId<Uuid>) -> Answer {
    auth.end_session(caller, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make an API key
///
/// It acts as its user on every route that takes users, except for keys, sessions and passwords. The
/// secret is shown in this answer and never again. A user has at most 20 keys at a time; one more is
/// 409 `invalid-transition` until another is revoked.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body(content = CreateApiKeyRequest, example = json!({ "name": "Website" })),
    responses((
        status = 201, description = "The key, with its secret", body = NewApiKeyBody,
        headers(("Location" = String, description = "Where it can be revoked"))
    )),
    extensions(("x-problems" = json!(["unauthorized", "forbidden", "invalid-transition"])))
)]
#[post("/api-keys")]
pub async fn create_api_key(
    auth: Auth,
    caller: SessionHolder,
    Json(body): Json<CreateApiKeyRequest>,
) -> Answer {
    let (key, secret) = auth.create_key(caller, body.name()?).await?;
    let body = NewApiKeyBody::new(key, &secret);
    Ok(created(&format!("/api/v1/api-keys/{}", body.id), &body))
}

/// List my API keys
///
/// Newest first, without their secrets. Revoked ones are left out.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "One page", body = Page<ApiKeyBody>)),
    extensions(("x-problems" = json!([
        "validation-failed", "invalid-cursor", "unauthorized", "forbidden"
    ])))
)]
#[get("/api-keys")]
pub async fn list_api_keys(
    auth: Auth,
    caller: SessionHolder,
    Query(query): Query<PageQuery>,
) -> Answer {
    let keys = auth.list_keys(caller, &query.parse()?).await?;
    Ok(ok(&keys.map(ApiKeyBody::from)))
}

/// Revoke an API key
///
/// At once, and for good.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    params(("id" = ApiKeyId, Path, description = "The key")),
    responses((status = 204, description = "The key is revoked")),
    extensions(("x-problems" = json!([
        "validation-failed", "unauthorized", "forbidden", "not-found"
    ])))
)]
#[delete("/api-keys/{id}")]
pub async fn revoke_api_key(auth: Auth, caller: SessionHolder, id: PathId<ApiKeyId>) -> Answer {
    auth.revoke_key(caller, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
