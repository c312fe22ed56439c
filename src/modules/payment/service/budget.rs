//! How much time a request may spend on its provider.

use std::time::Duration;

use tokio::time::Instant;

use super::super::api::ProviderError;

/// No call begins later. Each is bounded by 8 s, so that all of them together stay under the 20 s
/// that a request's lease (30 s) has room for.
const LAST_START: Duration = Duration::from_secs(12);

/// The time spent so far: one budget for each request, or for each look of a worker.
#[derive(Debug, Default)]
pub struct Budget(Duration);

impl Budget {
    pub fn is_spent(&self) -> bool {
        self.0 >= LAST_START
    }

    /// # Errors
    /// The provider's, or [`ProviderError::Paused`] when there is no time left to call it.
    pub async fn call<T>(
        &mut self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        if self.is_spent() {
            return Err(ProviderError::Paused(Duration::from_secs(1)));
        }
        let began = Instant::now();
        let outcome = work.await;
        self.0 += began.elapsed();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, pause};

    use super::*;

    #[tokio::test]
    async fn what_would_begin_too_late_is_not_begun() {
        pause();
        let mut budget = Budget::default();
        for seconds in [8, 3, 8] {
            let call = budget.call(async {
                advance(Duration::from_secs(seconds)).await;
                Ok(())
            });
            assert_eq!(call.await, Ok(()), "11 s are spent, and the third may take all of its 8");
        }
        let late = budget.call(async { Ok(()) }).await;
        assert!(matches!(late, Err(ProviderError::Paused(_))), "{late:?}");
    }
}
