//! Passwords, mailed tokens, sessions and keys on the wire.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    kernel::{email::Email, ids::ApiKeyId, problem::Problem},
    modules::auth::model::{ApiKey, Opaque, OpenSession, Password, parse_name},
    platform::http::Checks,
};

/// Whom to write to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressRequest {
    #[schema(format = "email", max_length = 254, example = "ada@example.org")]
    email: String,
}

impl AddressRequest {
    /// # Errors
    /// `validation-failed`.
    pub fn email(&self) -> Result<Email, Problem> {
        let mut checks = Checks::new();
        let email = checks.take("email", self.email.parse::<Email>());
        checks.finish(email)
    }
}

/// A token out of a mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailedTokenRequest {
    #[schema(pattern = r"^[^\x00]*$", example = "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E")]
    pub token: String,
}

/// A new password, and the mailed token that allows it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmResetRequest {
    #[schema(pattern = r"^[^\x00]*$", example = "hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E")]
    token: String,
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
}

impl ConfirmResetRequest {
    /// The token and the password.
    ///
    /// # Errors
    /// `validation-failed`.
    pub fn parse(self) -> Result<(String, Password), Problem> {
        let mut checks = Checks::new();
        let password = checks.take("password", Password::parse(&self.password));
        checks.finish(password.map(|password| (self.token, password)))
    }
}

/// A new password, and the old one that allows it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordRequest {
    #[schema(
        format = "password",
        write_only,
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\x00]*$",
        example = "correct horse battery staple"
    )]
    current_password: String,
    /// 12 to 128 characters of any kind, and none of the commonly used passwords.
    #[schema(
        format = "password",
        write_only,
        min_length = 12,
        max_length = 128,
        pattern = r"^[^\x00]*$",
        example = "another horse, another staple"
    )]
    new_password: String,
}

impl ChangePasswordRequest {
    /// The current and the new password.
    ///
    /// # Errors
    /// `validation-failed`.
    pub fn parse(self) -> Result<(SecretString, Password), Problem> {
        let mut checks = Checks::new();
        let length = self.current_password.chars().count();
        let short = (1..=Password::MAX_CHARS).contains(&length);
        checks.require(short, "current_password", "invalid", "must have 1 to 128 characters");
        let new = checks.take("new_password", Password::parse(&self.new_password));
        checks.finish(new.map(|new| (self.current_password.into(), new)))
    }
}

/// What a magic link gives.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryAccess, example = json!({
    "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IuKApiJ9.eyJhdWQiOiJoaXN0b3J5In0.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 900
}))]
pub struct HistoryAccessBody {
    /// Good for `GET /me/pledges`, and for nothing else.
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    pub expires_in: i64,
}

/// A session that can be continued.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenSession, example = json!({
    "id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f",
    "signed_in_at": "2026-11-20T18:00:00.123Z",
    "last_used_at": "2026-11-20T19:30:00.123456Z",
    "expires_at": "2026-12-20T19:30:00.123456Z",
    "current": true
}))]
pub struct OpenSessionBody {
    id: Uuid,
    signed_in_at: DateTime<Utc>,
    /// When its tokens were last renewed.
    last_used_at: DateTime<Utc>,
    /// When it ends unless it is continued.
    expires_at: DateTime<Utc>,
    /// The one of this request.
    current: bool,
}

impl OpenSessionBody {
    pub fn new(session: &OpenSession, own: Uuid) -> Self {
        Self {
            id: session.id,
            signed_in_at: session.signed_in_at(),
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: session.id == own,
        }
    }
}

/// What the key is to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKeyRequest {
    /// One line, not blank.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$",
        example = "Website"
    )]
    name: String,
}

impl CreateApiKeyRequest {
    /// # Errors
    /// `validation-failed`.
    pub fn name(&self) -> Result<String, Problem> {
        let mut checks = Checks::new();
        let name = checks.take("name", parse_name(&self.name));
        checks.finish(name)
    }
}

/// An API key without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey, example = json!({
    "id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f",
    "name": "Website",
    "prefix": "cfa_hkPnYLUk",
    "created_at": "2026-11-20T18:00:00.123456Z",
    "last_used_at": null
}))]
pub struct ApiKeyBody {
    id: ApiKeyId,
    name: String,
    /// How the secret begins.
    prefix: String,
    created_at: DateTime<Utc>,
    /// To the minute.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
}

impl From<ApiKey> for ApiKeyBody {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, name, prefix, created_at, last_used_at } = key;
        Self { id, name, prefix, created_at, last_used_at }
    }
}

/// An API key just made.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiKey, example = json!({
    "id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f",
    "name": "Website",
    "prefix": "cfa_hkPnYLUk",
    "secret": "cfa_hkPnYLUk7nVFlSZ3kXc1ZQm1wL2Q9a8yFqk4xHk0b2E",
    "created_at": "2026-11-20T18:00:00.123456Z"
}))]
pub struct NewApiKeyBody {
    pub id: ApiKeyId,
    name: String,
    prefix: String,
    /// Shown this once: send it as `Authorization: Bearer cfa_…`.
    secret: String,
    created_at: DateTime<Utc>,
}

impl NewApiKeyBody {
    pub fn new(key: ApiKey, secret: &Opaque) -> Self {
        let ApiKey { id, name, prefix, created_at, .. } = key;
        Self { id, name, prefix, secret: secret.reveal(), created_at }
    }
}
