//! The HTTP side of accounts and sessions.

mod mailed;
mod personal;

use actix_web::{
    HttpResponse, get,
    http::header::{CACHE_CONTROL, ETAG},
    patch, post,
    web::Data,
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    api::{SessionHolder, SignedIn},
    dto::{
        JwksBody, LoginRequest, RefreshTokenRequest, RegisterRequest, SessionBody, TokenPairBody,
        UpdateMeRequest, UserBody,
    },
    model::{Credentials, User},
    service::{AuthService, Session, Tokens},
    tokens::ACCESS_LIFETIME,
};
use crate::{
    kernel::{problem::Problem, version::etag},
    platform::{
        http::{ClientAddress, IfMatchHeader, Json, Limits, created, ok},
        rate_limit::Class,
    },
};

type Answer = Result<HttpResponse, Problem>;
type Auth = Data<AuthService>;

/// Mounts the routes under `/api/v1`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(register_user)
        .service(login_user)
        .service(refresh_session)
        .service(logout_user)
        .service(mailed::verify_email)
        .service(mailed::request_password_reset)
        .service(mailed::confirm_password_reset)
        .service(mailed::request_magic_link)
        .service(mailed::redeem_magic_link)
        .service(get_me)
        .service(update_me)
        .service(personal::change_password)
        .service(personal::list_sessions)
        .service(personal::end_session)
        .service(personal::create_api_key)
        .service(personal::list_api_keys)
        .service(personal::revoke_api_key);
}

/// Open an account
///
/// The account is a donor's; who is an administrator is decided elsewhere. A mail asks to prove the
/// address; should it be lost, a password reset proves the address as well. Sign in afterwards.
#[utoipa::path(
    tag = "auth",
    request_body(content = RegisterRequest, example = json!({
        "email": "ada@example.org",
        "password": "correct horse battery staple",
        "name": "Ada Lovelace"
    })),
    responses((
        status = 201, description = "The account", body = UserBody,
        headers(("Location" = String, description = "`/api/v1/me`"))
    )),
    extensions(("x-problems" = json!(["email-taken"])))
)]
#[post("/auth/register")]
pub async fn register_user(
    auth: Auth,
    limits: Limits,
    Json(body): Json<RegisterRequest>,
) -> Answer {
    // there is no account yet to count by
    limits.address(Class::Account).await?;
    let user = auth.register(body.try_into()?).await?;
    Ok(created("/api/v1/me", &UserBody::from(user)))
}

/// Sign in
///
/// Starts a session: an access token for 15 minutes, and a refresh token to get the next. An unknown
/// e-mail and a wrong password are answered alike, in the same time.
#[utoipa::path(
    tag = "auth",
    request_body(content = LoginRequest, example = json!({
        "email": "ada@example.org",
        "password": "correct horse battery staple"
    })),
    responses((status = 200, description = "The session", body = SessionBody)),
    extensions(("x-problems" = json!(["invalid-credentials", "forbidden"])))
)]
#[post("/auth/login")]
pub async fn login_user(
    auth: Auth,
    client: ClientAddress,
    limits: Limits,
    Json(body): Json<LoginRequest>,
) -> Answer {
    let who: Credentials = body.try_into()?;
    limits.account(who.email.as_str()).await?;
    let Session { tokens, user } = auth.login(who, client.0).await?;
    Ok(ok(&SessionBody {
        access_token: tokens.access,
        token_type: "Bearer",
        expires_in: ACCESS_LIFETIME.num_seconds(),
        refresh_token: tokens.refresh.reveal(),
        user: user.into(),
    }))
}

/// Get the next tokens of a session
///
/// A refresh token can be used once. Used again, it ends the session: every token that descends
/// from the same sign-in is refused from then on.
#[utoipa::path(
    tag = "auth",
    request_body(content = RefreshTokenRequest, example = json!({
        "refresh_token": "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E"
    })),
    responses((status = 200, description = "The next tokens", body = TokenPairBody)),
    extensions(("x-problems" = json!(["invalid-refresh-token"])))
)]
#[post("/auth/refresh")]
pub async fn refresh_session(auth: Auth, Json(body): Json<RefreshTokenRequest>) -> Answer {
    let Tokens { access, refresh } = auth.refresh(&body.refresh_token).await?;
    Ok(ok(&TokenPairBody {
        access_token: access,
        token_type: "Bearer",
        expires_in: ACCESS_LIFETIME.num_seconds(),
        refresh_token: refresh.reveal(),
    }))
}

/// Sign out
///
/// Ends the session of this refresh token, and with it its access tokens, within about a second on
/// every replica. A token that is not one of the caller's, or no longer, is answered the same.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body(content = RefreshTokenRequest, example = json!({
        "refresh_token": "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E"
    })),
    responses((status = 204, description = "The session has ended")),
    extensions(("x-problems" = json!(["unauthorized", "forbidden"])))
)]
#[post("/auth/logout")]
pub async fn logout_user(
    auth: Auth,
    caller: SessionHolder,
    Json(body): Json<RefreshTokenRequest>,
) -> Answer {
    auth.logout(caller.user_id, &body.refresh_token).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who am I
///
/// The account of the access token, with the role that it has now.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    responses((
        status = 200, description = "The caller's account", body = UserBody,
        headers(("ETag" = String, description = "The version, quoted, for `If-Match`"))
    )),
    extensions(("x-problems" = json!(["unauthorized"])))
)]
#[get("/me")]
pub async fn get_me(auth: Auth, caller: SignedIn) -> Answer {
    Ok(tagged(auth.me(caller.user_id).await?))
}

/// Change my account
///
/// Only the name can be changed. `{}` changes nothing, and tells whether the version is current.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    params(("If-Match" = String, Header, description = "The `ETag` that was read, or `*`",
            example = "\"1\"")),
    request_body(content = UpdateMeRequest, example = json!({ "name": "Ada King" })),
    responses((
        status = 200, description = "The changed account", body = UserBody,
        headers(("ETag" = String, description = "The new version, quoted"))
    )),
    extensions(("x-problems" = json!([
        "unauthorized", "version-conflict", "precondition-required"
    ])))
)]
#[patch("/me")]
pub async fn update_me(
    auth: Auth,
    caller: SignedIn,
    if_match: IfMatchHeader,
    Json(body): Json<UpdateMeRequest>,
) -> Answer {
    let name = body.name()?;
    let expected = if_match.required()?;
    Ok(tagged(auth.update_me(caller.user_id, expected, name.as_deref()).await?))
}

/// The public keys of our tokens
///
/// Ed25519 keys as a JWK set (RFC 7517, RFC 8037); the header of a token names its key by `kid`.
#[utoipa::path(
    tag = "auth",
    responses((
        status = 200, description = "The keys", body = JwksBody,
        headers(("Cache-Control" = String, description = "May be kept for an hour"))
    )),
)]
#[get("/.well-known/jwks.json")]
pub async fn get_jwks(auth: Auth) -> Answer {
    let keys = JwksBody { keys: auth.keys().public() };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=3600")).json(keys))
}

/// 200 with the user and their version.
fn tagged(user: User) -> HttpResponse {
    let tag = etag(user.version);
    HttpResponse::Ok().insert_header((ETAG, tag)).json(UserBody::from(user))
}
