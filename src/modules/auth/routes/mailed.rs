//! What begins or ends with a mail.

use actix_web::{HttpResponse, post};

use super::{Answer, Auth};
use crate::{
    kernel::problem::Problem,
    modules::auth::{
        dto::{AddressRequest, ConfirmResetRequest, HistoryAccessBody, MailedTokenRequest},
        model::Purpose,
        tokens::ACCESS_LIFETIME,
    },
    platform::http::{ClientAddress, Json, Limits, ok},
};

/// Prove an address
///
/// With the token that was mailed at registration. There is no second such mail: whoever has lost it
/// or came too late asks for a password reset, which proves the address as well. Gifts made with the
/// address as a guest join the account's history from then on, and are the account's to read, pay
/// for and cancel.
#[utoipa::path(
    tag = "auth",
    request_body(content = MailedTokenRequest, example = json!({
        "token": "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E"
    })),
    responses((status = 204, description = "The address is proven"))
)]
#[post("/auth/verify-email")]
pub async fn verify_email(auth: Auth, Json(body): Json<MailedTokenRequest>) -> Answer {
    auth.verify_email(&body.token).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for a new password
///
/// A token is mailed if an account has this address. The answer and its time are the same for all.
#[utoipa::path(
    tag = "auth",
    request_body(content = AddressRequest, example = json!({ "email": "ada@example.org" })),
    responses((status = 202, description = "If there is such an account, a mail is on its way")),
)]
#[post("/auth/password-reset")]
pub async fn request_password_reset(
    auth: Auth,
    limits: Limits,
    Json(body): Json<AddressRequest>,
) -> Answer {
    let email = body.email()?;
    limits.account(email.as_str()).await?;
    auth.request_mail(Purpose::PasswordReset, &email).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Set a new password
///
/// With the mailed token, once, within an hour. All sessions of the account end.
#[utoipa::path(
    tag = "auth",
    request_body(content = ConfirmResetRequest, example = json!({
        "token": "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E",
        "password": "correct horse battery staple"
    })),
    responses((status = 204, description = "The password is set"))
)]
#[post("/auth/password-reset/confirm")]
pub async fn confirm_password_reset(
    auth: Auth,
    client: ClientAddress,
    Json(body): Json<ConfirmResetRequest>,
) -> Answer {
    let (token, password) = body.parse()?;
    auth.reset_password(&token, password, client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for a magic link
///
/// A token is mailed if something was given with this address as a guest. The answer and its time
/// are the same for all.
#[utoipa::path(
    tag = "auth",
    request_body(content = AddressRequest, example = json!({ "email": "ada@example.org" })),
    responses((status = 202, description = "If there are such gifts, a mail is on its way")),
)]
#[post("/auth/magic-links")]
pub async fn request_magic_link(
    auth: Auth,
    limits: Limits,
    Json(body): Json<AddressRequest>,
) -> Answer {
    let email = body.email()?;
    limits.account(email.as_str()).await?;
    auth.request_mail(Purpose::MagicLink, &email).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Redeem a magic link
///
/// The mailed token is good once, within 15 minutes. The access token shows what was given with the
/// address as a guest, `GET /me/pledges`, and opens nothing else.
#[utoipa::path(
    tag = "auth",
    request_body(content = MailedTokenRequest, example = json!({
        "token": "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E"
    })),
    responses((status = 200, description = "The access token", body = HistoryAccessBody)),
    extensions(("x-problems" = json!(["invalid-magic-link"])))
)]
#[post("/auth/magic-links/redeem")]
pub async fn redeem_magic_link(
    auth: Auth,
    Json(body): Json<MailedTokenRequest>,
) -> Result<HttpResponse, Problem> {
    let access_token = auth.redeem_link(&body.token).await?;
    let expires_in = ACCESS_LIFETIME.num_seconds();
    Ok(ok(&HistoryAccessBody { access_token, token_type: "Bearer", expires_in }))
}
