//! Whatever the order and however often: the end is the truth.

use std::ops::Range;

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    book::usd,
    world::{Sight, Worker, World},
};
use crate::modules::payment::model::{EventKind, ProviderEvent};

/// One refund or dispute: whose amount, and how it goes on.
#[derive(Debug, Clone)]
struct Claim {
    refund: bool,
    amount_minor: i64,
    /// 0: the first word only; 1, 2: what comes second; 3: only the second word is ever sent.
    course: u8,
    /// Of a dispute that was decided: is the opposite said, too?
    lie: bool,
}

#[derive(Debug, Clone)]
struct Plan {
    /// Before any money: processing, authorized or failed attempts.
    attempts: Vec<u8>,
    canceled: bool,
    /// The parts in which it is captured; none if it never is.
    captures: Vec<i64>,
    claims: Vec<Claim>,
    /// Which events carry amounts that they need not.
    tells: Vec<bool>,
    lists: bool,
}

fn claim() -> impl Strategy<Value = Claim> {
    (any::<bool>(), 1..900_i64, 0..4_u8, prop::bool::weighted(0.2))
        .prop_map(|(refund, amount_minor, course, lie)| Claim { refund, amount_minor, course, lie })
}

fn plan(captures: Range<usize>) -> impl Strategy<Value = Plan> {
    let attempts = vec(0..3_u8, 0..5);
    let captures = vec(1..800_i64, captures);
    let tells = vec(any::<bool>(), 40);
    (attempts, any::<bool>(), captures, vec(claim(), 0..5), tells, any::<bool>()).prop_map(
        |(attempts, canceled, captures, claims, tells, lists)| Plan {
            attempts,
            canceled,
            captures,
            claims,
            tells,
            lists,
        },
    )
}

impl Claim {
    /// Its words in their true order, and the lie.
    fn words(&self, number: usize) -> (Vec<EventKind>, Option<EventKind>) {
        let (reference, amount_minor) = (format!("id_{number}"), self.amount_minor);
        if self.refund {
            let refund_ref = reference;
            let ok = EventKind::RefundSucceeded { refund_ref: refund_ref.clone(), amount_minor };
            let failed = EventKind::RefundFailed { refund_ref, amount_minor };
            let words = match self.course {
                0 | 1 => vec![ok],
                2 => vec![ok, failed],
                _ => vec![failed],
            };
            return (words, None);
        }
        let dispute_ref = reference;
        let open = EventKind::DisputeOpened { dispute_ref: dispute_ref.clone(), amount_minor };
        let won = EventKind::DisputeWon { dispute_ref: dispute_ref.clone(), amount_minor };
        let lost = EventKind::DisputeLost { dispute_ref, amount_minor };
        match self.course {
            0 => (vec![open], None),
            1 => (vec![open, won], self.lie.then_some(lost)),
            2 => (vec![open, lost], self.lie.then_some(won)),
            _ => (vec![won], self.lie.then_some(lost)),
        }
    }
}

impl Plan {
    fn world(&self) -> World {
        let mut world =
            World { history: vec![], captured: vec![], lies: vec![], lists: self.lists };
        let mut tells = self.tells.iter().copied().cycle();
        let mut captured = 0;
        let mut happen = |world: &mut World, kind: EventKind, captured: i64| {
            let told = tells.next().unwrap_or(true);
            let captured_minor = (captured > 0 && told).then_some(captured);
            let event = ProviderEvent { kind, currency: usd(0).currency, captured_minor };
            world.history.push(event);
            world.captured.push(captured);
        };
        let mut attempts = self.attempts.clone();
        if self.captures.is_empty() && !self.canceled {
            // An attempt on its way ends some day; only then is there a truth to compare with.
            attempts.truncate(attempts.iter().rposition(|a| *a != 0).map_or(0, |last| last + 1));
        }
        for attempt in &attempts {
            let kinds = [EventKind::Processing, EventKind::Authorized, EventKind::AttemptFailed];
            happen(&mut world, kinds[usize::from(*attempt)].clone(), 0);
        }
        if self.canceled {
            happen(&mut world, EventKind::Canceled, 0);
        }
        for (number, part) in self.captures.iter().enumerate() {
            captured += part;
            happen(&mut world, EventKind::Captured, captured);
            let from = number * self.claims.len() / self.captures.len();
            let to = (number + 1) * self.claims.len() / self.captures.len();
            for (number, claim) in self.claims.iter().enumerate().take(to).skip(from) {
                let (words, lie) = claim.words(number);
                for kind in words {
                    happen(&mut world, kind, captured);
                }
                let lie = lie.map(|kind| ProviderEvent {
                    kind,
                    currency: usd(0).currency,
                    captured_minor: None,
                });
                world.lies.extend(lie);
            }
        }
        // A lie is settled only by an answer that lists the dispute.
        world.lists |= !world.lies.is_empty();
        world
    }
}

/// Every event at least once, some again, in an order drawn from `at`.
fn deliveries(count: usize, again: &[Index], at: &[Index]) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    if count > 0 {
        all.extend(again.iter().map(|index| index.index(count)));
    }
    for end in (1..all.len()).rev() {
        all.swap(end, at[end % at.len()].index(end + 1));
    }
    all
}

fn run(world: &World, order: &[usize], sight: Sight) -> Result<usize, TestCaseError> {
    let mut worker = Worker::new(world, sight);
    for at in order {
        worker.deliver(*at);
    }
    worker.catch_up();
    prop_assert!(worker.waiting.is_empty(), "left waiting: {:?}", worker.waiting);
    prop_assert_eq!(worker.book.end(), world.truth());
    Ok(worker.asked)
}

fn indices() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 1..32)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn any_order_with_repetitions_ends_with_the_truth(
        plan in plan(0..3), again in vec(any::<Index>(), 0..6), one in indices(), two in indices(),
    ) {
        let world = plan.world();
        let count = world.history.len() + world.lies.len();
        run(&world, &deliveries(count, &again, &one), Sight::Clear)?;
        run(&world, &deliveries(count, &[], &two), Sight::Clear)?;
    }

    /// Where money was captured, answers that lag behind the events only delay the end.
    #[test]
    fn refunds_wait_for_their_capture_when_the_provider_does_not_show_it(
        plan in plan(1..3), again in vec(any::<Index>(), 0..6), order in indices(),
    ) {
        let mut world = plan.world();
        world.lies.clear();
        run(&world, &deliveries(world.history.len(), &again, &order), Sight::Lagging)?;
    }

    /// And where nothing needs asking, two orders agree without any provider to ask, facts and all.
    #[test]
    fn orders_that_ask_nothing_agree_to_the_last_fact(
        plan in plan(0..3), again in vec(any::<Index>(), 0..6), one in indices(), two in indices(),
    ) {
        let mut plan = plan;
        plan.tells = vec![true];
        plan.attempts.retain(|attempt| *attempt != 2);
        plan.claims.iter_mut().for_each(|claim| claim.lie = false);
        let world = plan.world();
        let (mut a, mut b) = (Worker::new(&world, Sight::Clear), Worker::new(&world, Sight::Clear));
        for at in deliveries(world.history.len(), &again, &one) { a.deliver(at); }
        for at in deliveries(world.history.len(), &[], &two) { b.deliver(at); }
        prop_assert_eq!((a.asked, b.asked), (0, 0));
        prop_assert_eq!(a.book.end(), world.truth());
        prop_assert_eq!(a.book.payment.facts, b.book.payment.facts);
    }
}
