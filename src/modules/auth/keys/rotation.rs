//! Where keys come from, and how one follows another.

use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::{Value, json};

use super::{KeyError, Ring, Signer, SigningKeys, Verifier, generate};
use crate::{
    kernel::clock,
    modules::auth::{
        repo::{self, KeyRow},
        tokens::{GUEST_LIFETIME, VerifiedTokens},
    },
    platform::{
        audit::{self, Author, Deed},
        postgres::Connection,
        secrets,
    },
};

/// Under this name the first key is kept, from before there was a table for them.
const SECRET: &str = "auth.signing_key";

/// A new key is known to the caches of `jwks.json` (an hour) before it signs.
const NOTICE: TimeDelta = TimeDelta::minutes(65);

/// In a hurry, it is known at least to all replicas.
const SHORT_NOTICE: TimeDelta = TimeDelta::seconds(30);

/// A former key verifies as long as the longest-lived token that it may have signed.
fn retirement() -> TimeDelta {
    GUEST_LIFETIME + TimeDelta::days(1)
}

impl SigningKeys {
    /// The configured key (PEM text, or the path of a file that holds it); without one, the newest
    /// that was made here. The first is made now.
    pub async fn load(conn: &mut Connection, configured: Option<&str>) -> Result<Self, KeyError> {
        let Some(text_or_path) = configured else {
            ensure_one(conn).await?;
            let ring = Arc::new(read(conn, None).await?);
            let verified = VerifiedTokens::default();
            return Ok(Self { ring: Arc::new(ring.into()), configured: None, verified });
        };
        let keys = Self::from_config(text_or_path)?;
        if let Some(signer) = &keys.configured {
            publish(conn, signer).await?;
        }
        keys.reload(conn).await?;
        Ok(keys)
    }

    /// Sees which keys there are now.
    pub async fn reload(&self, conn: &mut Connection) -> Result<(), KeyError> {
        let ring = Arc::new(read(conn, self.configured.as_ref()).await?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }
}

async fn read(conn: &mut Connection, configured: Option<&Arc<Signer>>) -> Result<Ring, KeyError> {
    let now = clock::now();
    let rows = repo::live_signing_keys(conn, now).await?;
    let signer = if let Some(signer) = configured {
        Arc::clone(signer)
    } else {
        let row = signing(&rows, now).ok_or_else(|| KeyError::Kept("none signs".to_owned()))?;
        let pem = row.private_pem.as_deref().unwrap_or_default();
        Arc::new(Signer::parse(pem).map_err(KeyError::Kept)?)
    };
    let verifiers = rows.iter().map(|row| Verifier::new(&row.public_key).map(Arc::new));
    let verifiers = verifiers.collect::<Result<_, _>>().map_err(|e| KeyError::Kept(e.to_string()));
    Ok(Ring { signer, verifiers: verifiers? })
}

/// The key made here that signs at `now`, among rows as they are read.
fn signing(rows: &[KeyRow], now: DateTime<Utc>) -> Option<&KeyRow> {
    rows.iter().find(|row| row.private_pem.is_some() && row.signs_from <= now)
}

/// There is a key of our own that signs, and the newest one has no end. Replicas that start
/// together agree on the first one, which is kept as a secret of the platform.
async fn ensure_one(conn: &mut Connection) -> Result<(), KeyError> {
    let fresh = || generate().map_err(|error| KeyError::Kept(error.to_string()));
    let now = clock::now();
    if signing(&repo::live_signing_keys(conn, now).await?, now).is_none() {
        let made = fresh()?;
        let kept = secrets::get_or_create(conn, SECRET, || made).await?;
        insert(conn, kept, now).await?;
    }
    if signing(&repo::live_signing_keys(conn, now).await?, now).is_none() {
        // the first one has had its time
        insert(conn, fresh()?, now).await?;
    }
    let rows = repo::live_signing_keys(conn, now).await?;
    if let Some(newest) = rows.iter().find(|row| row.private_pem.is_some()) {
        repo::revive_signing_key(conn, &newest.id).await?;
    }
    Ok(())
}

async fn insert(
    conn: &mut Connection,
    pem: String,
    signs_from: DateTime<Utc>,
) -> Result<KeyRow, KeyError> {
    let public = Signer::parse(&pem).map_err(KeyError::Kept)?.public;
    let row = KeyRow {
        id: public.key_id.clone(),
        public_key: public.jwk.x.clone(),
        private_pem: Some(pem),
        created_at: clock::now(),
        signs_from,
        verifies_until: None,
    };
    repo::insert_signing_key(conn, &row).await?;
    Ok(row)
}

/// Makes a configured key known to all replicas; whatever signed before will verify for a while.
async fn publish(conn: &mut Connection, signer: &Signer) -> Result<(), KeyError> {
    let now = clock::now();
    let row = KeyRow {
        id: signer.public.key_id.clone(),
        public_key: signer.public.jwk.x.clone(),
        private_pem: None,
        created_at: now,
        signs_from: now,
        verifies_until: None,
    };
    conn.transaction(async |conn| {
        repo::insert_signing_key(conn, &row).await?;
        repo::revive_signing_key(conn, &row.id).await?;
        repo::retire_others(conn, &row.id, now + retirement()).await
    })
    .await?;
    Ok(())
}

/// A key, for whoever looks after them.
#[derive(Debug)]
pub struct KeyInfo {
    pub id: String,
    pub state: KeyState,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Signs,
    /// Published, and will sign from then on.
    Waits(DateTime<Utc>),
    /// Signs no more, and verifies until then.
    Verifies(Option<DateTime<Utc>>),
}

/// Makes a key that will sign in an hour, or, in a hurry, in half a minute. The one that signs until
/// then verifies until its last token has expired. It leaves a row in the audit log.
///
/// # Errors
/// [`KeyError::NotOurs`] where a key is configured.
pub async fn rotate_keys(
    conn: &mut Connection,
    author: &Author,
    configured: bool,
    hurry: bool,
) -> Result<(String, DateTime<Utc>), KeyError> {
    if configured {
        return Err(KeyError::NotOurs);
    }
    ensure_one(conn).await?;
    let from = clock::now() + if hurry { SHORT_NOTICE } else { NOTICE };
    let pem = generate().map_err(|error| KeyError::Kept(error.to_string()))?;
    conn.transaction(async |conn| {
        let row = insert(conn, pem, from).await?;
        let until = from + retirement();
        repo::retire_others(conn, &row.id, until).await?;
        let after = json!({ "signs_from": from, "others_verify_until": until });
        record(conn, author, "signing_key.rotate", &row.id, (None, &after)).await?;
        Ok((row.id, from))
    })
    .await
}

/// The keys whose tokens are good now. `configured` is the key of the configuration, if any.
pub async fn list_keys(
    conn: &mut Connection,
    configured: Option<&str>,
) -> Result<Vec<KeyInfo>, KeyError> {
    let now = clock::now();
    let rows = repo::live_signing_keys(conn, now).await?;
    let signs = match configured {
        Some(text_or_path) => Some(Signer::from_config(text_or_path)?.public.key_id.clone()),
        None => signing(&rows, now).map(|row| row.id.clone()),
    };
    let state = |row: &KeyRow| match row {
        _ if signs.as_ref() == Some(&row.id) => KeyState::Signs,
        row if row.signs_from > now => KeyState::Waits(row.signs_from),
        row => KeyState::Verifies(row.verifies_until),
    };
    Ok(rows.iter().map(|row| KeyInfo { state: state(row), id: row.id.clone() }).collect())
}

/// Refuses all tokens of this key from now on: somebody else has it. It leaves a row in the audit
/// log.
///
/// # Errors
/// [`KeyError::Signs`] for the key that signs, [`KeyError::Unknown`] for one that is not in force.
pub async fn revoke_key(
    conn: &mut Connection,
    author: &Author,
    configured: Option<&str>,
    id: &str,
) -> Result<(), KeyError> {
    let keys = list_keys(conn, configured).await?;
    let key = keys.iter().find(|key| key.id == id).ok_or(KeyError::Unknown)?;
    let before = match key.state {
        KeyState::Signs => return Err(KeyError::Signs),
        KeyState::Waits(from) => json!({ "signs_from": from }),
        KeyState::Verifies(until) => json!({ "verifies_until": until }),
    };
    let now = clock::now();
    conn.transaction(async |conn| {
        repo::retire_signing_key(conn, id, now).await?;
        let after = json!({ "verifies_until": now });
        record(conn, author, "signing_key.revoke", id, (Some(&before), &after)).await
    })
    .await?;
    Ok(())
}

async fn record(
    conn: &mut Connection,
    author: &Author,
    action: &'static str,
    id: &str,
    (before, after): (Option<&Value>, &Value),
) -> QueryResult<()> {
    let deed = Deed {
        action,
        target_type: "signing_key",
        target_id: Some(id),
        before,
        after: Some(after),
    };
    audit::record(conn, author, deed).await
}
