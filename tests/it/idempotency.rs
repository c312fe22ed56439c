//! Keys in Postgres, as the writers of batches use them.

use careforall::platform::{
    idempotency::{Claim, IdempotencyKey, StoredResponse, find, insert_finished},
    postgres::Database,
};
use tokio::runtime::Handle;

use crate::support::TestDatabase;

fn key(n: usize) -> IdempotencyKey {
    // a fixed shuffle: 37 and 64 have no common divisor
    let name = format!("key-{:02}", n * 37 % 64);
    IdempotencyKey { scope: "user:1".to_owned(), key: name, fingerprint: [1; 32] }
}

fn answer(of: &str) -> StoredResponse {
    StoredResponse { status: 201, body: format!(r#"{{"of":"{of}"}}"#) }
}

#[tokio::test]
async fn of_equal_keys_in_a_batch_the_first_is_stored_and_new() {
    let test = TestDatabase::new().await;
    let database = Database::new(&test.url(), 1, Handle::current()).unwrap();
    let keys: Vec<_> = (0..64).map(key).collect();
    let (first, second) = (answer("first"), answer("second"));
    // all once, then all again in another order
    let once = keys.iter().map(|key| (key, &first));
    let again = keys.iter().rev().map(|key| (key, &second));
    let entries: Vec<_> = once.chain(again).collect();
    let mut conn = database.conn().await.unwrap();
    let fresh = insert_finished(&mut conn, &entries).await.unwrap();
    assert_eq!(fresh, [[true; 64], [false; 64]].concat());
    for key in &keys {
        let found = find(&mut conn, key).await.unwrap();
        assert_eq!(found, Some(Claim::Replay(first.clone())), "{}", key.key);
    }
    let repeated = insert_finished(&mut conn, &entries).await.unwrap();
    assert_eq!(repeated, [false; 128]);
}
