//! Planned faults, over the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    kernel::problem::Problem,
    modules::sandbox::{
        repo::{FaultKind, Operation},
        service::Fault,
    },
    platform::http::Checks,
};

/// What is to go wrong.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKindName {
    /// Nothing is done, and the call fails.
    Fail,
    /// The work is done, and the call fails all the same.
    LoseAnswer,
    /// The work is done, and its answer is late.
    Delay,
    /// Nothing is done, and no answer comes.
    Hang,
    /// Only of `create`: no answer comes, and the work is done `delay_ms` after the caller has
    /// given up.
    Late,
}

/// The call in which it is to go wrong.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationName {
    Create,
    Cancel,
    Capture,
    Refund,
    Retrieve,
    Find,
    Events,
    Payments,
}

/// A fault to be planned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFault {
    operation: OperationName,
    kind: FaultKindName,
    /// For how many calls.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    times: i32,
    /// For `delay` and `late`: by how much; 1,000 unless told. After 8 s the caller gives up.
    #[schema(minimum = 0, maximum = 60_000, example = 1000)]
    delay_ms: Option<i32>,
}

impl PlanFault {
    pub fn check(&self) -> Result<Fault, Problem> {
        let mut checks = Checks::new();
        let delay_ms = self.delay_ms.unwrap_or(1000);
        let (times, delay) = ((1..=1000).contains(&self.times), (0..=60_000).contains(&delay_ms));
        checks.require(times, "times", "out-of-range", "must be between 1 and 1000");
        checks.require(delay, "delay_ms", "out-of-range", "must be between 0 and 60000");
        let operation = match self.operation {
            OperationName::Create => Operation::Create,
            OperationName::Cancel => Operation::Cancel,
            OperationName::Capture => Operation::Capture,
            OperationName::Refund => Operation::Refund,
            OperationName::Retrieve => Operation::Retrieve,
            OperationName::Find => Operation::Find,
            OperationName::Events => Operation::Events,
            OperationName::Payments => Operation::Payments,
        };
        let possible = kind_is_possible(self.kind, operation);
        checks.require(possible, "kind", "invalid", "`late` is for `create` only");
        let kind = match self.kind {
            FaultKindName::Fail => FaultKind::Fail,
            FaultKindName::LoseAnswer => FaultKind::LoseAnswer,
            FaultKindName::Delay => FaultKind::Delay,
            FaultKindName::Hang => FaultKind::Hang,
            FaultKindName::Late => FaultKind::Late,
        };
        checks.finish(Some(Fault { operation, kind, times: self.times, delay_ms }))
    }
}

fn kind_is_possible(kind: FaultKindName, operation: Operation) -> bool {
    !matches!(kind, FaultKindName::Late) || operation == Operation::Create
}

/// A fault that is planned.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultView {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "create")]
    pub operation: &'static str,
    #[schema(example = "lose_answer")]
    pub kind: &'static str,
    #[schema(example = 1)]
    pub times: i32,
    #[schema(example = 1000)]
    pub delay_ms: i32,
}

impl FaultView {
    pub fn new(id: i64, fault: Fault) -> Self {
        let (operation, kind) = (fault.operation.as_str(), fault.kind.as_str());
        Self { id, operation, kind, times: fault.times, delay_ms: fault.delay_ms }
    }
}
