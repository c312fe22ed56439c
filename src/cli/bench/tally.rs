//! What a run has measured, and what the server has acknowledged in it.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Something that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Pledge,
    Payment,
    Authorized,
    Captured,
    Webhook,
    Totals,
    Campaign,
    /// A whole gift: its four calls.
    Donation,
    /// From the acknowledgement of a captured webhook until the total shows it.
    Counted,
    /// The yardstick.
    Empty,
}

impl Step {
    pub const ALL: [Self; 10] = [
        Self::Pledge,
        Self::Payment,
        Self::Authorized,
        Self::Captured,
        Self::Webhook,
        Self::Totals,
        Self::Campaign,
        Self::Donation,
        Self::Counted,
        Self::Empty,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pledge => "pledge",
            Self::Payment => "payment",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::Webhook => "webhook",
            Self::Totals => "totals",
            Self::Campaign => "campaign",
            Self::Donation => "donation",
            Self::Counted => "counted",
            Self::Empty => "empty",
        }
    }
}

/// The time that counts, after the warm-up.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub from: Instant,
    pub until: Instant,
}

impl Window {
    pub fn contains(&self, at: Instant) -> bool {
        (self.from..self.until).contains(&at)
    }

    pub fn seconds(&self) -> f64 {
        (self.until - self.from).as_secs_f64()
    }
}

/// Latencies of one step.
#[derive(Debug)]
pub struct Timing {
    /// Of everything that was due in the window, in microseconds.
    pub latency: Histogram<u64>,
    /// What ended in the window.
    pub completed: u64,
}

/// A minute is as bad as for ever.
const LONGEST_MICROS: u64 = 60_000_000;

impl Timing {
    fn new() -> Option<Self> {
        let latency = Histogram::new_with_bounds(1, LONGEST_MICROS, 3).ok()?;
        Some(Self { latency, completed: 0 })
    }

    fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_MICROS);
        self.latency.saturating_record(micros.max(1));
    }
}

/// What the server has said of one campaign's gifts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    pub pledged: u64,
    pub captured: u64,
    /// Asked for, with no answer that says whether it was done.
    pub maybe_pledged: u64,
    pub maybe_captured: u64,
}

impl Said {
    pub fn add(&mut self, other: Self) {
        self.pledged += other.pledged;
        self.captured += other.captured;
        self.maybe_pledged += other.maybe_pledged;
        self.maybe_captured += other.maybe_captured;
    }
}

/// All that one thread, and in the end the run, has seen.
#[derive(Debug)]
pub struct Tally {
    pub window: Window,
    timings: [Option<Timing>; Step::ALL.len()],
    /// By campaign, in the order of the ground.
    pub said: Vec<Said>,
    /// Answers other than the one that was hoped for, and requests without one.
    pub failures: u64,
    pub first_failure: Option<String>,
    /// Open loop: what was due and was not sent before the end.
    pub unsent: u64,
}

impl Tally {
    pub fn new(window: Window, campaigns: usize) -> Self {
        Self {
            window,
            timings: Default::default(),
            said: vec![Said::default(); campaigns],
            failures: 0,
            first_failure: None,
            unsent: 0,
        }
    }

    /// `due` is when it was to begin: later beginnings are the server's fault, and count.
    pub fn record(&mut self, step: Step, due: Instant) {
        let now = Instant::now();
        let (counts, ended) = (self.window.contains(due), self.window.contains(now));
        if !counts && !ended {
            return;
        }
        let Some(timing) = self.timing(step) else { return };
        timing.completed += u64::from(ended);
        if counts {
            timing.record(now - due);
        }
    }

    /// What was due and could not even be sent has waited at least until the end.
    pub fn never_sent(&mut self, step: Step, due: Instant) {
        if self.window.contains(due) {
            self.unsent += 1;
            let waited = self.window.until - due;
            if let Some(timing) = self.timing(step) {
                timing.record(waited);
            }
        }
    }

    fn timing(&mut self, step: Step) -> Option<&mut Timing> {
        let slot = &mut self.timings[step as usize];
        if slot.is_none() {
            *slot = Timing::new();
        }
        slot.as_mut()
    }

    pub fn fail(&mut self, what: impl FnOnce() -> String) {
        self.failures += 1;
        if self.first_failure.is_none() {
            self.first_failure = Some(what());
        }
    }

    pub fn timings(&self) -> impl Iterator<Item = (Step, &Timing)> {
        Step::ALL.into_iter().filter_map(|step| Some((step, self.timings[step as usize].as_ref()?)))
    }

    /// Takes up what another thread has seen.
    pub fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        for (mine, theirs) in self.timings.iter_mut().zip(other.timings) {
            match (mine.as_mut(), theirs) {
                (Some(mine), Some(theirs)) => {
                    mine.latency.add(&theirs.latency)?;
                    mine.completed += theirs.completed;
                }
                (None, theirs) => *mine = theirs,
                (Some(_), None) => {}
            }
        }
        for (mine, theirs) in self.said.iter_mut().zip(other.said) {
            mine.add(theirs);
        }
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.unsent += other.unsent;
        Ok(())
    }
}
