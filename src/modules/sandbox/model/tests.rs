use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::kernel::{clock, ids::PaymentId};

const NUMBERS: [&str; 2] = ["000000000001", "000000000002"];

fn now() -> DateTime<Utc> {
    clock::now()
}

fn account(number: &str, balance_minor: i64) -> Account {
    Account {
        account_number: number.into(),
        owner_name: "Ada".into(),
        currency: "USD".parse().unwrap(),
        balance_minor,
        held_minor: 0,
        created_at: now(),
        updated_at: now(),
    }
}

fn payment(amount_minor: i64, capture_method: Capture) -> BankPayment {
    BankPayment {
        id: "sbx_1".into(),
        payment_id: PaymentId::generate(),
        amount_minor,
        currency: "USD".parse().unwrap(),
        capture_method,
        status: Status::AwaitingMethod,
        captured_minor: 0,
        refunded_minor: 0,
        captures: 0,
        behaviour: None,
        account_number: None,
        hold_expires_at: None,
        client_secret: "s".into(),
        idempotency_key: "k".into(),
        created_with: None,
        create_decline: None,
        created_at: now(),
        updated_at: now(),
        trace_context: None,
    }
}

fn said(act: &Act) -> Vec<(What, Order)> {
    act.notices.iter().map(|n| (n.what, n.order)).collect()
}

fn pay(method: &str) -> (BankPayment, Act) {
    let mut payment = payment(2500, Capture::Automatic);
    let act = payment.confirm(&method.parse().unwrap(), None, now()).unwrap();
    (payment, act)
}

#[test]
fn each_scripted_method_says_what_it_should_in_its_order() {
    use {Order::*, What::*};
    let plain = vec![(Authorized, AtOnce), (Captured, AfterAttempt)];
    for (method, status, notices) in [
        ("pm_success", Status::Captured, plain.clone()),
        ("pm_duplicates", Status::Captured, plain.clone()),
        ("pm_silent", Status::Captured, plain.clone()),
        ("pm_refund_fails", Status::Captured, plain.clone()),
        ("pm_declined", Status::AwaitingMethod, vec![(Failed, AtOnce)]),
        ("pm_insufficient_funds", Status::AwaitingMethod, vec![(Failed, AtOnce)]),
        ("pm_authorize_only", Status::Authorized, vec![(Authorized, AtOnce)]),
        (
            "pm_capture_first",
            Status::Captured,
            vec![(Captured, AtOnce), (Authorized, AfterAcknowledged)],
        ),
        ("pm_dispute", Status::Captured, [plain, vec![(DisputeOpened, AfterAttempt)]].concat()),
    ] {
        let (payment, act) = pay(method);
        assert_eq!((payment.status, said(&act)), (status, notices), "{method}");
        assert_eq!(payment.captures, i32::from(status == Status::Captured), "{method}");
    }
}

#[test]
fn a_decline_leaves_room_for_another_method_and_a_capture_does_not() {
    let (mut payment, act) = pay("pm_declined");
    assert!(act.decline.is_some());
    let success: Method = "pm_success".parse().unwrap();
    payment.confirm(&success, None, now()).unwrap();
    let status = Status::Captured;
    let refused = payment.confirm(&success, None, now());
    assert_eq!(refused, Err(RuleError::Transition { act: "confirm", status }));
    assert_eq!(payment.cancel(None, now()), Ok(Act::default()));
    assert_eq!((payment.status, payment.captures), (Status::Captured, 1));
}

#[test]
fn another_currency_is_refused_and_leaves_everything_as_it_was() {
    let mut account = account(NUMBERS[0], 5000);
    account.currency = "EUR".parse().unwrap();
    let mut payment = payment(2500, Capture::Automatic);
    let before = (account.clone(), payment.clone());
    let method = Method::Account(NUMBERS[0].into());
    let refused = payment.confirm(&method, Some(&mut account), now());
    assert!(matches!(refused, Err(RuleError::Currency { .. })));
    assert_eq!((account, payment), before);
}

#[test]
fn amounts_that_do_not_fit_are_refused() {
    let mut account = account(NUMBERS[0], i64::MAX);
    assert!(account.hold(0).is_err());
    assert!(account.hold(-1).is_err());
    assert!(account.hold(i64::MAX).is_ok());
    assert!(account.hold(1).is_err());
    assert!(account.release(i64::MIN).is_err());
}

#[derive(Debug, Clone)]
enum Op {
    Open(i64, bool),
    Confirm(usize, usize),
    Capture(usize),
    Cancel(usize),
    Refund(usize, i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1..2_000_i64, any::<bool>()).prop_map(|(a, m)| Op::Open(a, m)),
        (0..8_usize, 0..2_usize).prop_map(|(p, a)| Op::Confirm(p, a)),
        (0..8_usize).prop_map(Op::Capture),
        (0..8_usize).prop_map(Op::Cancel),
        (0..8_usize, 1..2_000_i64).prop_map(|(p, a)| Op::Refund(p, a)),
    ]
}

fn step(op: &Op, accounts: &mut [Account], payments: &mut Vec<BankPayment>) {
    let (Op::Confirm(p, _) | Op::Capture(p) | Op::Cancel(p) | Op::Refund(p, _)) = op else {
        let Op::Open(amount, manual) = op else { return };
        let capture = if *manual { Capture::Manual } else { Capture::Automatic };
        return payments.push(payment(*amount, capture));
    };
    let Some(payment) = payments.get_mut(*p) else { return };
    let own = payment.account_number.clone();
    let mut own = accounts.iter_mut().find(|a| Some(&a.account_number) == own.as_ref());
    // what is refused must change nothing, so the answers do not matter here
    let _ = match op {
        Op::Confirm(_, a) => {
            let method = Method::Account(NUMBERS[*a].into());
            payment.confirm(&method, Some(&mut accounts[*a]), now())
        }
        Op::Capture(_) => payment.capture(own.take(), now()),
        Op::Refund(_, amount) => {
            let refund = payment.new_refund(None, *amount, None, now());
            payment.refund(refund, own.take(), now())
        }
        _ => payment.cancel(own.take(), now()),
    };
}

proptest! {
    #[test]
    fn money_is_conserved(
        balances in [0..5_000_i64, 0..5_000_i64],
        ops in proptest::collection::vec(op(), 0..60),
    ) {
        let mut accounts = [account(NUMBERS[0], balances[0]), account(NUMBERS[1], balances[1])];
        let mut payments = Vec::new();
        for op in &ops {
            step(op, &mut accounts, &mut payments);
            let there: i64 = accounts.iter().map(|a| a.balance_minor + a.held_minor).sum();
            let gone: i64 = payments.iter().map(|p| p.captured_minor - p.refunded_minor).sum();
            prop_assert_eq!(there + gone, balances.iter().sum::<i64>());
            prop_assert!(accounts.iter().all(|a| a.balance_minor >= 0 && a.held_minor >= 0));
            prop_assert!(payments.iter().all(|p| p.captures <= 1));
            let held: i64 = accounts.iter().map(|a| a.held_minor).sum();
            let open = payments.iter().filter(|p| p.status == Status::Authorized);
            prop_assert_eq!(held, open.map(|p| p.amount_minor).sum::<i64>());
        }
    }
}
