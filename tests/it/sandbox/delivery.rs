//! At least once, whatever happens to the receiver or the worker.

use std::{collections::BTreeSet, time::Duration};

use careforall::modules::sandbox::Pace;

use super::world::{HANG, World, types};

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_and_captured_does_not_wait_for_it() {
    let (world, worker) = World::at_work().await;
    world.answers(&[500]);
    world.pay("pm_success").await;
    let arrivals = world.all_said().await;
    let expected = ["payment.authorized", "payment.captured", "payment.authorized"];
    assert_eq!(types(&arrivals), expected);
    assert_eq!(arrivals[0].text("/id"), arrivals[2].text("/id"));
    assert_eq!(arrivals[0].body, arrivals[2].body);
    worker.stop().await;
}

#[tokio::test]
async fn capture_first_holds_authorized_back_until_captured_is_acknowledged() {
    let (world, worker) = World::at_work().await;
    world.answers(&[500, 302]);
    world.pay("pm_capture_first").await;
    let captured = "payment.captured";
    let expected = [captured, captured, captured, "payment.authorized"];
    assert_eq!(types(&world.all_said().await), expected);
    worker.stop().await;
}

#[tokio::test]
async fn what_happened_without_a_worker_is_told_by_the_next_one() {
    let world = World::new().await;
    world.pay("pm_success").await;
    let worker = world.worker(Pace::default());
    assert_eq!(world.all_said().await.len(), 2);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_loses_nothing() {
    let world = World::new().await;
    world.answers(&[HANG]);
    let pace = Pace { lease: Duration::from_millis(500), ..Pace::default() };
    let dying = world.worker(pace);
    world.pay("pm_success").await;
    world.arrived(1).await;
    dying.task.abort();
    assert!(dying.task.await.unwrap_err().is_cancelled());
    let worker = world.worker(pace);
    let mut told = types(&world.all_said().await);
    assert!(told.len() >= 3, "what the dead one had begun is told again: {told:?}");
    // once more where a lease of this length ends too early
    told.dedup();
    assert_eq!(told, ["payment.authorized", "payment.captured"]);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_stopped_brings_to_an_end_what_it_has_begun() {
    let world = World::new().await;
    let pace = Pace { timeout: Duration::from_millis(300), ..Pace::default() };
    let worker = world.worker(pace);
    world.answers(&[HANG]);
    world.pay("pm_authorize_only").await;
    world.arrived(1).await;
    worker.stop().await;
    let failed = "SELECT count(*) FROM sandbox.events WHERE attempts = 1 \
                  AND next_attempt_at < created_at + interval '15 s'";
    assert_eq!(world.count(failed).await, 1, "the failure is noted, the lease is not left");
}

#[tokio::test]
async fn workers_share_the_work_and_send_each_event_once() {
    let world = World::new().await;
    let workers = [world.worker(Pace::default()), world.worker(Pace::default())];
    let payments = (0..100).map(|_| world.pay("pm_success"));
    futures_util::future::join_all(payments).await;
    let arrivals = world.all_said().await;
    let ids: BTreeSet<_> = arrivals.iter().map(|a| a.text("/id")).collect();
    assert_eq!((arrivals.len(), ids.len()), (200, 200));
    for worker in workers {
        worker.stop().await;
    }
}
