//! What happens at the bank, and what is true afterwards. Knows nothing of our own rules.

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use crate::support::{
    Client,
    donation::{Payment, close_dispute},
};

/// One payment's life at the bank.
#[derive(Debug, Clone)]
pub struct Plan {
    pub amount_minor: i64,
    declines: Vec<&'static str>,
    /// How it is paid in the end, if it is.
    paid_with: Option<&'static str>,
    claims: Vec<Claim>,
}

/// Somebody wants money back.
#[derive(Debug, Clone)]
enum Claim {
    /// At most what is left.
    Refund { minor: i64 },
    /// May be more than was paid.
    Dispute { minor: i64, verdict: Option<&'static str> },
}

#[derive(Debug, Default)]
pub struct Truth {
    pub payment: &'static str,
    pub pledge: &'static str,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub disputed_minor: i64,
}

pub fn plan() -> impl Strategy<Value = Plan> {
    let methods = vec!["pm_success", "pm_capture_first", "pm_duplicates", "pm_silent"];
    let methods = prop_oneof![
        6 => prop::sample::select(methods),
        1 => Just("pm_authorize_only"),
        1 => Just("pm_refund_fails"),
    ];
    let declines = vec(prop::sample::select(vec!["pm_declined", "pm_insufficient_funds"]), 0..3);
    let parts = (500..10_000_i64, declines, option::weighted(0.85, methods), vec(claim(), 0..4));
    parts.prop_map(|(amount_minor, declines, paid_with, claims)| Plan {
        amount_minor,
        declines,
        paid_with,
        claims,
    })
}

fn claim() -> impl Strategy<Value = Claim> {
    let verdict = option::of(prop::sample::select(vec!["won", "lost"]));
    prop_oneof![
        (1..8000_i64).prop_map(|minor| Claim::Refund { minor }),
        (1..12_000_i64, verdict).prop_map(|(minor, verdict)| Claim::Dispute { minor, verdict }),
    ]
}

impl Plan {
    fn captured(&self) -> bool {
        self.paid_with.is_some_and(|method| method != "pm_authorize_only")
    }

    /// The claims that the bank accepts: nobody refunds more than is left.
    fn granted(&self) -> Vec<Claim> {
        let mut left = if self.captured() { self.amount_minor } else { 0 };
        let mut granted = Vec::new();
        for claim in &self.claims {
            match *claim {
                // such a refund is given back to us, and the next could be made again
                Claim::Refund { .. } if self.paid_with == Some("pm_refund_fails") => {
                    granted.push(Claim::Refund { minor: self.amount_minor });
                    break;
                }
                Claim::Refund { minor } if left > 0 => {
                    let minor = minor.min(left);
                    left -= minor;
                    granted.push(Claim::Refund { minor });
                }
                Claim::Dispute { .. } if self.captured() => granted.push(claim.clone()),
                _ => {}
            }
        }
        granted
    }

    pub async fn carry_out(&self, client: &Client, payment: &Payment) {
        for method in self.declines.iter().chain(&self.paid_with) {
            payment.confirm(client, method).await;
        }
        for claim in self.granted() {
            match claim {
                Claim::Refund { minor } => {
                    payment.at_counter(client, "refunds", json!({ "amount_minor": minor })).await;
                }
                Claim::Dispute { minor, verdict } => {
                    let body = json!({ "amount_minor": minor });
                    let dispute = payment.at_counter(client, "disputes", body).await;
                    if let Some(verdict) = verdict {
                        close_dispute(client, &dispute, verdict).await;
                    }
                }
            }
        }
    }

    pub fn truth(&self) -> Truth {
        if !self.captured() {
            let (payment, pledge) = match (self.paid_with, self.declines.is_empty()) {
                (Some(_), _) => ("authorized", "pending"),
                (None, false) => ("failed", "failed"),
                (None, true) => ("pending", "pending"),
            };
            return Truth { payment, pledge, ..Truth::default() };
        }
        let (mut refunded, mut disputed) = (0, 0);
        for claim in self.granted() {
            match claim {
                Claim::Refund { minor } if self.paid_with != Some("pm_refund_fails") => {
                    refunded += minor;
                }
                Claim::Dispute { minor, verdict } if verdict != Some("won") => disputed += minor,
                _ => {}
            }
        }
        let captured_minor = self.amount_minor;
        let disputed_minor = disputed.min(captured_minor - refunded);
        let pledge = match captured_minor - refunded - disputed_minor {
            0 if disputed_minor == 0 => "refunded",
            0 => "disputed",
            _ => "completed",
        };
        let payment = if refunded == captured_minor { "refunded" } else { "captured" };
        Truth { payment, pledge, captured_minor, refunded_minor: refunded, disputed_minor }
    }
}

impl Truth {
    pub fn add(&mut self, other: &Self) {
        self.captured_minor += other.captured_minor;
        self.refunded_minor += other.refunded_minor;
        self.disputed_minor += other.disputed_minor;
    }

    pub fn amounts(&self) -> Value {
        json!({ "captured_minor": self.captured_minor, "refunded_minor": self.refunded_minor,
                "disputed_minor": self.disputed_minor,
                "net_minor": self.captured_minor - self.refunded_minor - self.disputed_minor })
    }
}
