//! The log over the border of a partition, and its end.

use super::{cluster::TestDb, delivery::by_hand, recorder::publish_fresh};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_crosses_partitions_and_drops_those_that_all_have_passed() {
    let db = TestDb::new().await;
    let bus = by_hand(&db).await;
    db.run("UPDATE bus.event_head SET pass = pass + 1, last_seq = 1999990").await;
    db.run("UPDATE bus.consumer_cursor SET position = 1999990").await;
    publish_fresh(&mut *db.conn().await, 20).await;
    assert_eq!(bus.drain().await.unwrap().applied, 20);
    let third = "SELECT count(*) AS n FROM bus.event_log_000002";
    assert_eq!(db.number(third).await, 11, "made when it was needed");

    // the first holds nothing, the second is young
    db.run("DROP TABLE bus.event_log_000000").await;
    assert_eq!(bus.expire().await.unwrap(), 0);
    db.run("UPDATE bus.event_log SET sequenced_at = now() - interval '8 days'").await;
    // now one cursor lags
    db.run("UPDATE bus.consumer_cursor SET position = 1999995 WHERE partition = 7").await;
    assert_eq!(bus.expire().await.unwrap(), 0);
    db.run("UPDATE bus.consumer_cursor SET position = 2000010 WHERE partition = 7").await;
    assert_eq!(bus.expire().await.unwrap(), 1);

    // a new consumer starts where the log does now, and registers once
    db.run("DELETE FROM bus.consumer_cursor").await;
    bus.prepare().await.unwrap();
    bus.prepare().await.unwrap();
    let cursors = "SELECT count(*) AS n FROM bus.consumer_cursor WHERE position = 1999999";
    assert_eq!(db.number(cursors).await, 32);
    assert_eq!(bus.drain().await.unwrap().applied, 11);
}
