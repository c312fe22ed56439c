//! A circuit breaker: who does not answer is left alone for a while, and then tried again gently.
//!
//! Closed, all calls go through, and the last of them are remembered; when too many of these
//! failed, it opens. Open, no call goes through until its time is over. Half-open, a few probes go
//! through, and no more than that at once; when all of them are answered it closes, and the first
//! that fails opens it again. What a call that began before the last change of state comes to is
//! news of the past, and is not counted.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use metrics::{counter, gauge};

/// When it opens, and how it closes.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many calls are remembered.
    pub window_calls: usize,
    /// As many failures among these open it.
    pub failures: usize,
    /// How long nobody is called.
    pub open: Duration,
    /// How many calls have to be answered before all go through again.
    pub probes: usize,
}

/// A breaker for one who is called. Its name is a label of the metrics.
#[derive(Debug)]
pub struct CircuitBreaker {
    name: &'static str,
    settings: Settings,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Grows with each change of state.
    generation: u64,
}

#[derive(Debug)]
enum State {
    /// The last calls, oldest first; `true`: it failed.
    Closed(VecDeque<bool>),
    Open {
        until: Instant,
    },
    HalfOpen {
        running: usize,
        answered: usize,
    },
}

/// Leave for one call. Dropped without a word about how the call ended, it counts as none.
#[derive(Debug)]
pub struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    generation: u64,
    settled: bool,
}

impl CircuitBreaker {
    pub fn new(name: &'static str, settings: Settings) -> Self {
        gauge!("circuit_breaker_state", "provider" => name).set(0.0);
        let state = State::Closed(VecDeque::with_capacity(settings.window_calls));
        Self { name, settings, inner: Mutex::new(Inner { state, generation: 0 }) }
    }

    /// Whether a call would go through now.
    ///
    /// # Errors
    /// After how long it makes sense to ask again.
    pub fn check(&self, now: Instant) -> Result<(), Duration> {
        match self.lock().state {
            State::Open { until } if until > now => Err(until - now),
            State::Closed(_) | State::Open { .. } => Ok(()),
            State::HalfOpen { running, answered } => self.room(running, answered),
        }
    }

    /// Leave for one call.
    ///
    /// # Errors
    /// After how long it makes sense to ask again.
    pub fn acquire(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut inner = self.lock();
        if let State::Open { until } = inner.state {
            if until > now {
                return Err(until - now);
            }
            self.enter(&mut inner, State::HalfOpen { running: 0, answered: 0 });
        }
        if let State::HalfOpen { running, answered } = &mut inner.state {
            self.room(*running, *answered)?;
            *running += 1;
        }
        Ok(Permit { breaker: self, generation: inner.generation, settled: false })
    }

    fn room(&self, running: usize, answered: usize) -> Result<(), Duration> {
        if running + answered < self.settings.probes {
            return Ok(());
        }
        Err(Duration::from_secs(1))
    }

    fn settle(&self, generation: u64, failed: Option<bool>, now: Instant) {
        let mut inner = self.lock();
        if inner.generation != generation {
            return;
        }
        let next = match (&mut inner.state, failed) {
            (State::Closed(calls), Some(failed)) => {
                if calls.len() == self.settings.window_calls {
                    calls.pop_front();
                }
                calls.push_back(failed);
                let failures = calls.iter().filter(|failed| **failed).count();
                (failures >= self.settings.failures).then(|| self.opened(now))
            }
            (State::HalfOpen { .. }, Some(true)) => Some(self.opened(now)),
            (State::HalfOpen { running, answered }, failed) => {
                *running -= 1;
                *answered += usize::from(failed == Some(false));
                (*answered >= self.settings.probes).then(|| State::Closed(VecDeque::new()))
            }
            _ => None,
        };
        if let Some(next) = next {
            self.enter(&mut inner, next);
        }
    }

    fn opened(&self, now: Instant) -> State {
        State::Open { until: now + self.settings.open }
    }

    fn enter(&self, inner: &mut Inner, state: State) {
        let (name, value) = match state {
            State::Closed(_) => ("closed", 0.0),
            State::HalfOpen { .. } => ("half_open", 1.0),
            State::Open { .. } => ("open", 2.0),
        };
        tracing::warn!(provider = self.name, state = name, "the circuit breaker has turned");
        gauge!("circuit_breaker_state", "provider" => self.name).set(value);
        counter!("circuit_breaker_transitions_total", "provider" => self.name, "to" => name)
            .increment(1);
        inner.state = state;
        inner.generation += 1;
    }

    /// What a panic elsewhere has left is as good as before: each change is one assignment.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The call has ended: with an answer of whatever kind, or with none.
    pub fn settle(mut self, failed: bool, now: Instant) {
        self.settled = true;
        self.breaker.settle(self.generation, Some(failed), now);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.settle(self.generation, None, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(10);

    fn breaker() -> (CircuitBreaker, Instant) {
        let settings = Settings { window_calls: 4, failures: 3, open: OPEN, probes: 2 };
        (CircuitBreaker::new("test", settings), Instant::now())
    }

    fn call(breaker: &CircuitBreaker, failed: bool, now: Instant) {
        breaker.acquire(now).unwrap().settle(failed, now);
    }

    fn open(breaker: &CircuitBreaker, now: Instant) {
        (0..3).for_each(|_| call(breaker, true, now));
        assert_eq!(breaker.check(now), Err(OPEN));
    }

    #[test]
    fn it_opens_when_too_many_of_the_last_calls_failed_in_a_row_or_not() {
        let (breaker, now) = breaker();
        // never three among four
        for failed in [true, true, false, false].into_iter().cycle().take(40) {
            call(&breaker, failed, now);
        }
        call(&breaker, true, now);
        call(&breaker, false, now);
        call(&breaker, true, now);
        assert_eq!(breaker.check(now), Ok(()));
        call(&breaker, true, now);
        assert_eq!(breaker.check(now), Err(OPEN));
        let later = now + Duration::from_secs(4);
        assert_eq!(breaker.acquire(later).unwrap_err(), Duration::from_secs(6));
    }

    #[test]
    fn half_open_lets_a_few_probes_through_and_closes_when_all_are_answered() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + OPEN;
        assert_eq!(breaker.check(later), Ok(()));
        let (one, other) = (breaker.acquire(later).unwrap(), breaker.acquire(later).unwrap());
        assert!(breaker.acquire(later).is_err() && breaker.check(later).is_err());
        one.settle(false, later);
        assert!(breaker.acquire(later).is_err(), "the other one is still under way");
        other.settle(false, later);
        call(&breaker, true, later);
        call(&breaker, true, later);
        assert_eq!(breaker.check(later), Ok(()), "closed, and the past is forgotten");
    }

    #[test]
    fn one_probe_that_fails_opens_it_again() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + OPEN;
        let (one, other) = (breaker.acquire(later).unwrap(), breaker.acquire(later).unwrap());
        one.settle(true, later);
        other.settle(false, later);
        assert_eq!(breaker.check(later), Err(OPEN));
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_another() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + OPEN;
        for _ in 0..5 {
            drop((breaker.acquire(later).unwrap(), breaker.acquire(later).unwrap()));
        }
        assert_eq!(breaker.check(later), Ok(()));
    }

    #[test]
    fn calls_that_began_before_it_turned_are_not_counted() {
        let (breaker, now) = breaker();
        let early: Vec<_> = (0..9).map(|_| breaker.acquire(now).unwrap()).collect();
        let mut early = early.into_iter();
        early.by_ref().take(3).for_each(|permit| permit.settle(true, now));
        let later = now + OPEN;
        let probe = breaker.acquire(later).unwrap();
        early.for_each(|permit| permit.settle(true, later));
        probe.settle(false, later);
        call(&breaker, false, later);
        assert_eq!(breaker.check(later), Ok(()));
    }
}
