//! Totals are counted anew while gifts go on, and nobody ever sees a wrong or negative one.

use std::sync::atomic::{AtomicBool, Ordering};

use super::World;

#[tokio::test]
async fn totals_are_rebuilt_while_a_writer_keeps_giving() {
    let world = World::new().await;
    world.gift().await;
    world.books.balance().await;
    let done = AtomicBool::new(false);
    let give = async {
        let mut given = 1;
        while !done.load(Ordering::Relaxed) {
            world.gift().await;
            given += 1;
        }
        given
    };
    // what is read is never less than before: only gifts happen, and drift is undone at once
    let watch = async {
        let mut seen = 0;
        while !done.load(Ordering::Relaxed) {
            let totals = world.campaign.totals(&world.client).await;
            let captured = totals["captured_minor"].as_i64().unwrap();
            assert!(captured >= seen, "{captured} after {seen}");
            assert_eq!(captured % 10_000, 0);
            seen = captured;
        }
    };
    let repair = async {
        for _ in 0..10 {
            // drift that readers do not see, so that they may be strict
            world.books.execute("UPDATE totals.contribution SET version = 1").await;
            world.books.execute("DELETE FROM totals.donor").await;
            let refreshed = world.act("/totals/refresh").await.expect(200).body;
            assert_eq!(refreshed["repaired"], 1, "{refreshed}");
        }
        done.store(true, Ordering::Relaxed);
    };
    let (given, (), ()) = tokio::join!(give, watch, repair);
    assert!(given > 1);
    world.books.balance().await;
    let totals = world.campaign.totals(&world.client).await;
    assert_eq!(
        (&totals["captured_minor"], &totals["donor_count"]),
        (&(given * 10_000).into(), &given.into())
    );
}
