//! Cursor pages: `{"data": […], "next_cursor": …, "has_more": …}`.
//!
//! A cursor is the sort key of the last row of a page, so that it is stable under inserts and
//! costs the same at any depth. To the client it is opaque.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

/// The query parameters of every list, as they come over the wire.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items to return: 1 to 100, 20 unless told.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 1024, pattern = r"^[^\x00]*$")]
    pub cursor: Option<String>,
}

/// Why a page cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    #[error("must be between 1 and 100")]
    Limit,
    #[error("the cursor is not one of ours")]
    Cursor,
}

/// A checked request for one page after the key `K`.
#[derive(Debug, Clone)]
pub struct PageRequest<K> {
    pub limit: i64,
    pub after: Option<K>,
}

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
const CHECK_BYTES: usize = 4;

impl PageQuery {
    /// Checks the limit and reads the cursor.
    pub fn parse<K: DeserializeOwned>(&self) -> Result<PageRequest<K>, PageError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(PageError::Limit);
        }
        let after = self.cursor.as_deref().map(decode).transpose()?;
        Ok(PageRequest { limit, after })
    }
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub data: Vec<T>,
    /// Pass it as `cursor` to get the next page; `null` on the last one.
    #[schema(required, example = json!(null))]
    pub next_cursor: Option<String>,
    /// Is there another page?
    #[schema(example = false)]
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Makes a page of `limit + 1` fetched rows: the extra one only tells that there are more.
    pub fn new<K: Serialize>(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| to_cursor(&key(last)));
        Self { data: rows, next_cursor, has_more }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            data: self.data.into_iter().map(f).collect(),
            next_cursor: self.next_cursor,
            has_more: self.has_more,
        }
    }
}

/// The check bytes tell a mistyped cursor from ours; they are no secret.
fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::digest(bytes);
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The opaque form of a key.
pub fn to_cursor<K: Serialize>(key: &K) -> String {
    let json = serde_json::to_vec(key).unwrap_or_default();
    let mut bytes = check(&json).to_vec();
    bytes.extend(json);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K, PageError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| PageError::Cursor)?;
    let (sum, json) = bytes.split_at_checked(CHECK_BYTES).ok_or(PageError::Cursor)?;
    if sum != check(json) {
        return Err(PageError::Cursor);
    }
    serde_json::from_slice(json).map_err(|_| PageError::Cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(cursor: Option<String>) -> PageQuery {
        PageQuery { limit: Some(2), cursor }
    }

    #[test]
    fn a_cursor_carries_the_last_key_and_ends_with_the_list() {
        let page = Page::new(vec![1, 2, 3], 2, |n| *n);
        assert_eq!((page.data, page.has_more), (vec![1, 2], true));
        let next: PageRequest<i32> = query(page.next_cursor).parse().unwrap();
        assert_eq!(next.after, Some(2));
        assert_eq!(Page::new(vec![1, 2], 2, |n| *n).next_cursor, None);
    }

    #[test]
    fn tampered_cursors_and_limits_out_of_range_are_refused() {
        let good = to_cursor(&42);
        let mut bad = good.clone().into_bytes();
        bad[3] ^= 1;
        for cursor in [String::from_utf8(bad).unwrap(), "x".into(), String::new(), "é".into()] {
            assert_eq!(query(Some(cursor)).parse::<i32>().unwrap_err(), PageError::Cursor);
        }
        for limit in [0, 101, -1] {
            let query = PageQuery { limit: Some(limit), cursor: None };
            assert_eq!(query.parse::<i32>().unwrap_err(), PageError::Limit);
        }
    }
}
