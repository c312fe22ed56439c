//! What travels on the bus.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::payload::Payload;

/// How many partitions there are. Stored in rows: it never changes.
pub const PARTITIONS: i16 = 32;

/// A fact, as its producer states it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Chooses the partition. An aggregate always comes with the same key: only within a partition
    /// is there an order.
    pub partition_key: Uuid,
    /// The thing that changed. Its row is locked by the producer, so that its events are inserted
    /// in the order of its versions.
    pub aggregate_id: Uuid,
    pub aggregate_version: i64,
    /// A name with its version, such as `thing.happened.v1`.
    pub event_type: &'static str,
    /// Absolute values rather than differences, and nothing personal.
    pub payload: Payload,
    /// The W3C `traceparent` of the request that caused it.
    pub trace_context: Option<String>,
}

/// A fact, as consumers get it.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Event {
    /// The place in the log: from 1, without gaps.
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    /// The key for effects outside the database, which may be tried more than once.
    #[diesel(sql_type = SqlUuid)]
    pub event_id: Uuid,
    #[diesel(sql_type = SmallInt)]
    pub partition: i16,
    #[diesel(sql_type = SqlUuid)]
    pub aggregate_id: Uuid,
    #[diesel(sql_type = BigInt)]
    pub aggregate_version: i64,
    #[diesel(sql_type = Text, column_name = "type")]
    pub event_type: String,
    #[diesel(sql_type = Jsonb)]
    pub payload: Payload,
    #[diesel(sql_type = Nullable<Text>)]
    pub trace_context: Option<String>,
    /// When the producer's transaction began.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
}

/// The partition of a key: the first 8 bytes of SHA-256 over its 16 bytes, as a big-endian number,
/// modulo 32. Rows of years depend on it: it must not change.
pub fn partition_of(key: Uuid) -> i16 {
    let digest = Sha256::digest(key.as_bytes());
    // 32 divides 2⁵⁶, so of the eight bytes the last alone decides
    i16::from(digest[7] % 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_of_a_key_never_changes() {
        let of = |key| partition_of(Uuid::from_u128(key));
        assert_eq!([of(0), of(1), of(2), of(u128::MAX)], [21, 27, 8, 9]);
    }

    #[test]
    fn keys_spread_over_all_partitions() {
        let mut counts = [0; PARTITIONS as usize];
        for key in 0..3200 {
            counts[usize::try_from(partition_of(Uuid::from_u128(key))).unwrap()] += 1;
        }
        assert!(counts.iter().all(|n| (50..=150).contains(n)), "{counts:?}");
    }
}
