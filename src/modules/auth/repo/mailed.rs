//! What is mailed, and the requests for it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::{
    kernel::{clock, email::Email, ids::UserId},
    modules::auth::{
        error::AuthError,
        model::{Purpose, parse_stored},
        schema::{mail_requests, mailed_tokens},
    },
    platform::postgres::Connection,
};

/// A token about to be mailed.
pub struct NewMailed<'a> {
    pub purpose: Purpose,
    /// None for a guest's magic link.
    pub user: Option<UserId>,
    pub email: &'a str,
    pub token_hash: Vec<u8>,
    pub created_at: DateTime<Utc>,
}

pub async fn insert_mailed(conn: &mut Connection, new: &NewMailed<'_>) -> QueryResult<usize> {
    diesel::insert_into(mailed_tokens::table)
        .values((
            mailed_tokens::id.eq(clock::new_id()),
            mailed_tokens::purpose.eq(new.purpose.as_str()),
            mailed_tokens::user_id.eq(new.user),
            mailed_tokens::email.eq(new.email),
            mailed_tokens::token_hash.eq(&new.token_hash),
            mailed_tokens::created_at.eq(new.created_at),
            mailed_tokens::expires_at.eq(new.created_at + new.purpose.lifetime()),
        ))
        .execute(conn)
        .await
}

/// Uses the token up, and tells whose it is. `None`: unknown, expired, used, or for something
/// else. Of several that come with the same token one gets it.
pub async fn use_mailed(
    conn: &mut Connection,
    purpose: Purpose,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> QueryResult<Option<(Uuid, Option<UserId>)>> {
    let good = mailed_tokens::table
        .filter(mailed_tokens::token_hash.eq(token_hash))
        .filter(mailed_tokens::purpose.eq(purpose.as_str()))
        .filter(mailed_tokens::used_at.is_null())
        .filter(mailed_tokens::expires_at.gt(now));
    diesel::update(good)
        .set(mailed_tokens::used_at.eq(now))
        .returning((mailed_tokens::id, mailed_tokens::user_id))
        .get_result(conn)
        .await
        .optional()
}

/// Whose token this is, if it can be used.
pub async fn owner_of(
    conn: &mut Connection,
    purpose: Purpose,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> QueryResult<Option<UserId>> {
    mailed_tokens::table
        .filter(mailed_tokens::token_hash.eq(token_hash))
        .filter(mailed_tokens::purpose.eq(purpose.as_str()))
        .filter(mailed_tokens::used_at.is_null())
        .filter(mailed_tokens::expires_at.gt(now))
        .filter(mailed_tokens::user_id.is_not_null())
        .select(mailed_tokens::user_id.assume_not_null())
        .first(conn)
        .await
        .optional()
}

/// Ends all tokens of this purpose that the user has not used.
pub async fn end_all(
    conn: &mut Connection,
    purpose: Purpose,
    user: UserId,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let unused = mailed_tokens::table
        .filter(mailed_tokens::user_id.eq(user))
        .filter(mailed_tokens::purpose.eq(purpose.as_str()))
        .filter(mailed_tokens::used_at.is_null());
    diesel::update(unused).set(mailed_tokens::used_at.eq(now)).execute(conn).await
}

/// The address whose magic link was redeemed under this id.
pub async fn find_link(conn: &mut Connection, id: Uuid) -> QueryResult<Option<String>> {
    mailed_tokens::table
        .find(id)
        .filter(mailed_tokens::purpose.eq(Purpose::MagicLink.as_str()))
        .filter(mailed_tokens::used_at.is_not_null())
        .select(mailed_tokens::email)
        .first(conn)
        .await
        .optional()
}

/// How many tokens of this purpose were mailed to the address since `then`.
pub async fn count_since(
    conn: &mut Connection,
    purpose: Purpose,
    email: &str,
    then: DateTime<Utc>,
) -> QueryResult<i64> {
    mailed_tokens::table
        .filter(mailed_tokens::email.eq(email))
        .filter(mailed_tokens::created_at.gt(then))
        .filter(mailed_tokens::purpose.eq(purpose.as_str()))
        .count()
        .get_result(conn)
        .await
}

/// Somebody wants mail sent to this address.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = mail_requests, check_for_backend(diesel::pg::Pg))]
pub struct MailRequest {
    pub id: Uuid,
    #[diesel(deserialize_as = String)]
    pub purpose: Purpose,
    pub email: String,
}

impl MailRequest {
    pub fn address(&self) -> Result<Email, AuthError> {
        parse_stored(&self.email)
    }
}

impl From<String> for Purpose {
    /// Of `mail_requests`, which a CHECK keeps to two.
    fn from(text: String) -> Self {
        if text == Self::PasswordReset.as_str() { Self::PasswordReset } else { Self::MagicLink }
    }
}

/// What the lookout asks: does anybody want mail?
pub const REQUESTED: &str = "SELECT 1 FROM auth.mail_requests";

pub async fn insert_request(
    conn: &mut Connection,
    purpose: Purpose,
    email: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(mail_requests::table)
        .values((
            mail_requests::id.eq(clock::new_id()),
            mail_requests::purpose.eq(purpose.as_str()),
            mail_requests::email.eq(email),
            mail_requests::requested_at.eq(now),
        ))
        .execute(conn)
        .await
}

/// Takes the oldest request that no other replica is at. It is gone when the transaction commits.
pub async fn take_request(conn: &mut Connection) -> QueryResult<Option<MailRequest>> {
    let oldest = mail_requests::table
        .order(mail_requests::id)
        .select(MailRequest::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .await
        .optional()?;
    if let Some(request) = &oldest {
        diesel::delete(mail_requests::table.find(request.id)).execute(conn).await?;
    }
    Ok(oldest)
}

pub async fn forget(conn: &mut Connection, then: DateTime<Utc>) -> QueryResult<usize> {
    let expired = mailed_tokens::table.filter(mailed_tokens::expires_at.lt(then));
    diesel::delete(expired).execute(conn).await
}
