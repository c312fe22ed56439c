//! What goes over the wire. The schemas say exactly what is accepted.

mod credentials;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

pub use credentials::{
    AddressRequest, ApiKeyBody, ChangePasswordRequest, ConfirmResetRequest, CreateApiKeyRequest,
    HistoryAccessBody, MailedTokenRequest, NewApiKeyBody, OpenSessionBody,
};

use super::{
    keys::Jwk,
    model::{Credentials, Password, Registration, Role, User, parse_name},
};
use crate::{
    kernel::{email::Email, ids::UserId, problem::Problem},
    platform::http::Checks,
};

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Compared without regard to case.
    #[schema(format = "email", max_length = 254, example = "ada@example.org")]
    email: String,
    /// 12 to 128 characters of any kind, and none of the commonly used passwords.
    #[schema(
        format = "password",
        write_only,
        min_length = 12,
        max_length = 128,
        pattern = r"^[^\x00]*$",
        example = "correct horse battery staple"
    )]
    password: String,
    /// One line, not blank.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$",
        example = "Ada Lovelace"
    )]
    name: String,
}

impl TryFrom<RegisterRequest> for Registration {
    type Error = Problem;

    fn try_from(request: RegisterRequest) -> Result<Self, Problem> {
        Self::parse(&request.email, &request.password, &request.name)
    }
}

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    #[schema(format = "email", max_length = 254, example = "ada@example.org")]
    email: String,
    #[schema(
        format = "password",
        write_only,
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\x00]*$",
        example = "correct horse battery staple"
    )]
    password: String,
}

impl TryFrom<LoginRequest> for Credentials {
    type Error = Problem;

    fn try_from(request: LoginRequest) -> Result<Self, Problem> {
        let mut checks = Checks::new();
        let email = checks.take("email", request.email.parse::<Email>());
        let length = request.password.chars().count();
        let short = (1..=Password::MAX_CHARS).contains(&length);
        checks.require(short, "password", "invalid", "must have 1 to 128 characters");
        let password = SecretString::from(request.password);
        checks.finish(email.map(|email| Self { email, password }))
    }
}

/// The refresh token of the session that is meant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshTokenRequest {
    /// As the last sign-in or refresh gave it.
    #[schema(pattern = r"^[^\x00]*$", example = "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E")]
    pub refresh_token: String,
}

/// What to change about oneself; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMeRequest {
    /// One line, not blank.
    #[serde(default, deserialize_with = "present")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$",
        example = "Ada King"
    )]
    name: Option<String>,
}

/// A member may be left out, but not be `null`.
fn present<'de, D: Deserializer<'de>>(member: D) -> Result<Option<String>, D::Error> {
    String::deserialize(member).map(Some)
}

impl UpdateMeRequest {
    /// The new name, if there is to be one.
    ///
    /// # Errors
    /// `validation-failed`.
    pub fn name(self) -> Result<Option<String>, Problem> {
        let mut checks = Checks::new();
        let name = checks.take("name", self.name.as_deref().map(parse_name).transpose());
        checks.finish(name)
    }
}

/// A person with an account, as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User, example = json!({
    "id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f",
    "email": "ada@example.org",
    "name": "Ada Lovelace",
    "role": "donor",
    "created_at": "2026-11-20T18:00:00.123456Z",
    "version": 1
}))]
pub struct UserBody {
    id: UserId,
    #[schema(format = "email")]
    email: String,
    name: String,
    role: Role,
    created_at: DateTime<Utc>,
    /// Counts the changes; `ETag` carries it.
    #[schema(minimum = 1)]
    version: i64,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let User { id, email, name, role, created_at, version } = user;
        Self { id, email, name, role, created_at, version }
    }
}

/// A new session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session, example = json!({
    "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IuKApiJ9.eyJhdWQiOiJhY2Nlc3MifQ.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 900,
    "refresh_token": "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E",
    "user": {
        "id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f",
        "email": "ada@example.org",
        "name": "Ada Lovelace",
        "role": "donor",
        "created_at": "2026-11-20T18:00:00.123456Z",
        "version": 1
    }
}))]
pub struct SessionBody {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    pub expires_in: i64,
    /// Good for 30 days, and once: each refresh gives the next.
    pub refresh_token: String,
    pub user: UserBody,
}

/// The next tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPair, example = json!({
    "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IuKApiJ9.eyJhdWQiOiJhY2Nlc3MifQ.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 900,
    "refresh_token": "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E"
}))]
pub struct TokenPairBody {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    pub expires_in: i64,
    /// Good for 30 days, and once: each refresh gives the next.
    pub refresh_token: String,
}

/// The public keys that verify our tokens (RFC 7517). There may be several.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Jwks, example = json!({
    "keys": [{
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "use": "sig",
        "alg": "EdDSA"
    }]
}))]
pub struct JwksBody {
    pub keys: Vec<Jwk>,
}
