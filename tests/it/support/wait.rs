//! Waiting for a condition. The deadline is only ever reached by a failing test, so it may be
//! generous.

use std::{
    future::Future,
    panic::Location,
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(10);

/// What may be waited for: `true`, `Some(value)`, `Ok(value)`.
pub trait Condition {
    type Value;
    fn met(self) -> Option<Self::Value>;
}

impl Condition for bool {
    type Value = ();
    fn met(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Condition for Option<T> {
    type Value = T;
    fn met(self) -> Option<T> {
        self
    }
}

impl<T, E> Condition for Result<T, E> {
    type Value = T;
    fn met(self) -> Option<T> {
        self.ok()
    }
}

/// Asks again and again until the condition is met, and returns its value. Panics, naming the
/// caller, after `deadline`.
#[track_caller]
pub fn eventually<C, F, R>(deadline: Duration, mut ask: F) -> impl Future<Output = C::Value>
where
    C: Condition,
    F: FnMut() -> R,
    R: Future<Output = C>,
{
    let caller = Location::caller();
    let end = Instant::now() + deadline;
    async move {
        loop {
            if let Some(value) = ask().await.met() {
                return value;
            }
            assert!(Instant::now() < end, "not met within {deadline:?}: {caller}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The same without a runtime.
#[track_caller]
pub fn eventually_blocking<C: Condition>(
    deadline: Duration,
    mut ask: impl FnMut() -> C,
) -> C::Value {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = ask().met() {
            return value;
        }
        assert!(Instant::now() < end, "not met within {deadline:?}");
        thread::sleep(PAUSE);
    }
}

#[tokio::test]
async fn a_condition_is_asked_until_it_is_met() {
    let mut asked = 0;
    let value = eventually(Duration::from_secs(5), || {
        asked += 1;
        let answer = (asked == 3).then_some(asked);
        async move { answer }
    })
    .await;
    assert_eq!(value, 3);
}

#[test]
#[should_panic(expected = "not met within")]
fn a_condition_that_is_never_met_fails_the_test() {
    eventually_blocking(Duration::from_millis(1), || false);
}
