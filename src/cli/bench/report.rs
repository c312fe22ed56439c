//! The result, for people and for scripts.
#![allow(clippy::cast_precision_loss, reason = "figures to be read, far below 2^52")]

use std::fmt;

use serde_json::{Value, json};

use super::{
    load::Plan,
    tally::{Step, Tally, Timing},
    verify::Verdict,
};

pub struct Report<'a> {
    pub scenario: &'a str,
    pub plan: Plan,
    pub campaigns: usize,
    pub tally: &'a Tally,
    pub verdict: Option<Verdict>,
}

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

impl Report<'_> {
    pub fn json(&self) -> Value {
        let plan = &self.plan;
        let seconds = self.tally.window.seconds();
        let steps = self.tally.timings().map(|(step, timing)| {
            let latency = QUANTILES.map(|(name, q)| (name.to_owned(), json!(millis(timing, q))));
            let mut one = Value::Object(latency.into_iter().collect());
            one["max"] = json!(timing.latency.max() as f64 / 1000.0);
            one["per_second"] = json!((timing.completed as f64 / seconds).round());
            one["count"] = json!(timing.completed);
            (step.name().to_owned(), one)
        });
        json!({
            "scenario": self.scenario,
            "loop": if plan.rate.is_some() { "open" } else { "closed" },
            "rate": plan.rate,
            "connections": plan.connections,
            "threads": plan.threads,
            "campaigns": self.campaigns,
            "seconds": seconds,
            "latency_unit": "ms",
            "steps": steps.collect::<serde_json::Map<_, _>>(),
            "failures": self.tally.failures,
            "first_failure": self.tally.first_failure,
            "unsent": self.tally.unsent,
            "counted": self.verdict.map(|verdict| json!({
                "pledged": verdict.pledged,
                "captured": verdict.captured,
                "seconds_after_the_end": verdict.after.as_secs_f64(),
            })),
        })
    }

    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { connections, warm_up, duration, rate, .. } = self.plan;
        let (warm_up, duration) = (warm_up.as_secs(), duration.as_secs());
        write!(f, "{}: ", self.scenario)?;
        match rate {
            Some(rate) => write!(f, "open loop, {rate} rounds/s")?,
            None => write!(f, "closed loop")?,
        }
        writeln!(
            f,
            ", {connections} connections, {} campaigns, {duration} s after {warm_up} s of warm-up",
            self.campaigns
        )?;
        writeln!(
            f,
            "{:<11}{:>10}{:>11}{:>9}{:>9}{:>9}{:>9}{:>9}  (ms)",
            "step", "per s", "count", "p50", "p95", "p99", "p99.9", "max"
        )
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        for (step, timing) in self.tally.timings() {
            line(f, step, timing, self.tally.window.seconds())?;
        }
        if let Some(verdict) = self.verdict {
            let Verdict { pledged, captured, after } = verdict;
            let after = after.as_secs_f64();
            writeln!(
                f,
                "{pledged} pledges and {captured} captured gifts, each counted once ({after:.2} s after the end)"
            )?;
        }
        if self.tally.unsent > 0 {
            writeln!(
                f,
                "{} rounds were due and not begun: the rate was not reached",
                self.tally.unsent
            )?;
        }
        if let Some(first) = &self.tally.first_failure {
            writeln!(f, "{} failures, such as: {first}", self.tally.failures)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, step: Step, timing: &Timing, seconds: f64) -> fmt::Result {
    let per_second = timing.completed as f64 / seconds;
    write!(f, "{:<11}{per_second:>10.0}{:>11}", step.name(), timing.completed)?;
    for (_, quantile) in QUANTILES {
        write!(f, "{:>9.2}", millis(timing, quantile))?;
    }
    writeln!(f, "{:>9.1}", timing.latency.max() as f64 / 1000.0)
}

fn millis(timing: &Timing, quantile: f64) -> f64 {
    timing.latency.value_at_quantile(quantile) as f64 / 1000.0
}
