//! Waiting for a condition. The deadline is only ever reached by a failing test, so it may be
//! generous.

use std::{
    fmt::Debug,
    future::Future,
    panic::Location,
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(10);

/// What may be waited for: `true`, `Some(value)`, `Ok(value)`.
pub trait Condition {
    type Value;

    /// # Errors
    /// What is missing, as far as it is known.
    fn met(self) -> Result<Self::Value, String>;
}

impl Condition for bool {
    type Value = ();
    fn met(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(String::new)
    }
}

impl<T> Condition for Option<T> {
    type Value = T;
    fn met(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: Debug> Condition for Result<T, E> {
    type Value = T;
    fn met(self) -> Result<T, String> {
        self.map_err(|error| format!(": {error:?}"))
    }
}

/// Asks again and again until the condition is met, and returns its value. Panics, naming the
/// caller and what is missing, after `deadline`.
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
            let missing = match ask().await.met() {
                Ok(value) => return value,
                Err(missing) => missing,
            };
            assert!(Instant::now() < end, "not met within {deadline:?}: {caller}{missing}");
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
        let missing = match ask().met() {
            Ok(value) => return value,
            Err(missing) => missing,
        };
        assert!(Instant::now() < end, "not met within {deadline:?}{missing}");
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
