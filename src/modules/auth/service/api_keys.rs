//! API keys: made and revoked by their user in person, used by programs.

use diesel_async::AsyncConnection;

use super::AuthService;
use crate::{
    kernel::{
        clock,
        ids::ApiKeyId,
        page::{Page, PageRequest},
    },
    modules::auth::{
        api::SessionHolder,
        error::AuthError,
        model::{ApiKey, KEY_PREFIX, MOST_KEYS, Opaque},
        repo::{self, KeyUse},
    },
};

impl AuthService {
    /// A new key, and its secret, which nobody will see again. Counted under the user's lock.
    pub(in crate::modules::auth) async fn create_key(
        &self,
        caller: SessionHolder,
        name: String,
    ) -> Result<(ApiKey, Opaque), AuthError> {
        let secret = Opaque::with_prefix(KEY_PREFIX);
        let key = ApiKey {
            id: ApiKeyId::generate(),
            name,
            prefix: ApiKey::prefix_of(&secret.reveal()),
            created_at: clock::now(),
            last_used_at: None,
        };
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let user = caller.user_id;
            repo::lock_user(conn, user).await?.ok_or(AuthError::AccountGone)?;
            self.require_open(conn, user, caller.session_id).await?;
            if repo::count_keys(conn, user).await? >= MOST_KEYS {
                return Err(AuthError::TooManyKeys);
            }
            repo::insert_key(conn, user, &key, &secret.hash()).await?;
            Ok(())
        })
        .await?;
        Ok((key, secret))
    }

    pub(in crate::modules::auth) async fn list_keys(
        &self,
        caller: SessionHolder,
        page: &PageRequest<ApiKeyId>,
    ) -> Result<Page<ApiKey>, AuthError> {
        let mut conn = self.conn().await?;
        self.require_open(&mut conn, caller.user_id, caller.session_id).await?;
        let keys = repo::list_keys(&mut conn, caller.user_id, page).await?;
        Ok(Page::new(keys, page.limit, |key| key.id))
    }

    pub(in crate::modules::auth) async fn revoke_key(
        &self,
        caller: SessionHolder,
        id: ApiKeyId,
    ) -> Result<(), AuthError> {
        let mut conn = self.conn().await?;
        self.require_open(&mut conn, caller.user_id, caller.session_id).await?;
        let revoked = repo::revoke_key(&mut conn, caller.user_id, id, clock::now()).await?;
        if revoked { Ok(()) } else { Err(AuthError::NotFound) }
    }

    /// Who acts with this secret.
    pub(in crate::modules::auth) async fn use_key(
        &self,
        secret: &str,
    ) -> Result<Option<KeyUse>, AuthError> {
        let now = clock::now();
        let mut conn = self.conn().await?;
        let found = repo::find_key(&mut conn, &Opaque::hash_of(secret)).await?;
        if let Some(key) = &found
            && ApiKey::worth_noting(key.last_used_at, now)
        {
            repo::note_use(&mut conn, key.id, now).await?;
        }
        Ok(found)
    }
}
