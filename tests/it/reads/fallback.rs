//! The standby falls behind, hangs, goes away, or is none.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use super::World;
use crate::support::{
    OwnPostgres,
    donation::{Campaign, PATIENCE, builder},
    eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_falls_behind_is_not_read_until_it_has_caught_up() {
    let world = World::start(2).await;
    let campaign = world.campaign().await;
    world.pause_replay().await;
    world.rename(&campaign, "New wells").await;
    // within the bound the old answer is allowed, after it not
    let new = async || world.visit(&campaign).await["title"] == "New wells";
    eventually(Duration::from_secs(10), new).await;
    world.served_by("primary", &campaign).await;
    let before = world.answered_by("replica").await;
    for _ in 0..20 {
        assert!(new().await, "never back to the old one");
    }
    assert_eq!(world.answered_by("replica").await, before);
    world.resume_replay();
    world.served_by("replica", &campaign).await;
    assert!(new().await);
}

/// Reads without pause while `trouble` happens to the standby, until the primary answers. Every
/// read succeeds.
async fn nobody_notices(world: &mut World, trouble: impl FnOnce(&mut OwnPostgres)) {
    let campaign = world.campaign().await;
    let (client, path) = (world.server.client(), campaign.path());
    let (done, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    let reading = async {
        while !done.load(Ordering::SeqCst) {
            client.get(&path).send().await.expect(200);
            reads.fetch_add(1, Ordering::SeqCst);
        }
    };
    let troubled = async {
        eventually(PATIENCE, async || reads.load(Ordering::SeqCst) > 20).await;
        trouble(&mut world.standby);
        world.served_by("primary", &campaign).await;
        done.store(true, Ordering::SeqCst);
    };
    futures_util::join!(reading, troubled);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_fails_when_the_standby_is_killed_and_it_is_used_again_when_it_is_back() {
    let mut world = World::start(2).await;
    nobody_notices(&mut world, OwnPostgres::kill).await;
    world.standby.start_again();
    let campaign = Campaign::open(&world.server.client()).await;
    world.served_by("replica", &campaign).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_fails_when_the_standby_hangs() {
    let mut world = World::start(2).await;
    nobody_notices(&mut world, |standby| standby.freeze()).await;
    world.standby.thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_standby_of_ours_is_not_read() {
    let mut world = World::start(2).await;
    // the primary itself, and a standby that was promoted: neither follows anybody
    let itself = builder()
        .database_url(world.primary.url("careforall"))
        .env("DATABASE_REPLICA_URL", world.primary.url("careforall"))
        .start()
        .await;
    crate::support::postgres::execute(&world.standby.url("postgres"), "SELECT pg_promote()");
    for server in [itself, std::mem::replace(&mut world.server, builder().start().await)] {
        world.server = server;
        let campaign = Campaign::open(&world.server.client()).await;
        world.served_by("primary", &campaign).await;
        world.rename(&campaign, "New wells").await;
        eventually(PATIENCE, async || world.visit(&campaign).await["title"] == "New wells").await;
    }
}
