//! The question that is asked for all workers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use careforall::platform::{lookout::Lookout, postgres::Database};
use tokio::{runtime::Handle, sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{TestDatabase, donation::PATIENCE};

/// A database with a table `bus.work (id)`.
async fn world() -> (TestDatabase, tokio_postgres::Client, Lookout) {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    client.batch_execute("CREATE TABLE bus.work (id bigint)").await.unwrap();
    let pool = Database::new(&database.url(), 1, Handle::current()).unwrap();
    (database, client, Lookout::new(pool))
}

async fn rings(bell: &Notify) {
    timeout(PATIENCE, bell.notified()).await.expect("it rings");
}

fn is_silent(bell: &Notify) -> bool {
    use futures_util::FutureExt;
    bell.notified().now_or_never().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bell_rings_when_its_question_finds_a_row_above_the_floor_and_no_other_does() {
    let (_database, client, mut lookout) = world().await;
    let always = lookout.bell("SELECT 1");
    let never = lookout.bell("SELECT 1 WHERE false");
    let (floor, work) = (Arc::new(AtomicI64::new(7)), Arc::new(Notify::new()));
    lookout.ring_above(floor.clone(), &work, "SELECT 1 FROM bus.work WHERE id > {floor}");
    let stop = CancellationToken::new();
    let looking = tokio::spawn(lookout.run(stop.clone()));
    client.batch_execute("INSERT INTO bus.work VALUES (7)").await.unwrap();
    // the second ring is of a look that has seen the row
    rings(&always).await;
    rings(&always).await;
    assert!(is_silent(&work) && is_silent(&never));
    client.batch_execute("INSERT INTO bus.work VALUES (8)").await.unwrap();
    rings(&work).await;
    floor.store(8, Ordering::Relaxed);
    rings(&always).await;
    // one more may have been asked with the former floor
    let _ = timeout(Duration::ZERO, work.notified()).await;
    rings(&always).await;
    rings(&always).await;
    assert!(is_silent(&work) && is_silent(&never));
    stop.cancel();
    looking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_question_cannot_be_asked_everybody_looks() {
    let (_database, client, mut lookout) = world().await;
    let healthy = lookout.bell("SELECT 1 WHERE false");
    let gone = lookout.bell("SELECT 1 FROM bus.work");
    client.batch_execute("DROP TABLE bus.work").await.unwrap();
    let stop = CancellationToken::new();
    let looking = tokio::spawn(lookout.run(stop.clone()));
    for _ in 0..2 {
        rings(&healthy).await;
        rings(&gone).await;
    }
    stop.cancel();
    looking.await.unwrap();
}
