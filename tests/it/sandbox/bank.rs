//! Accounts, holds, and who wins when several act at once.

use careforall::{
    kernel::{clock, money::Money},
    modules::{
        payment::api::{CaptureMethod, CreateRequest, Provider, ProviderStatus},
        sandbox::{RuleError, SandboxError},
    },
};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::world::{World, method, request, types};

fn usd(minor: i64) -> Money {
    Money::new(minor, "USD".parse().unwrap())
}

async fn funds(world: &World, number: &str) -> (i64, i64) {
    let account = world.bank.account(number).await.unwrap();
    (account.balance_minor, account.held_minor)
}

#[tokio::test]
async fn of_many_who_confirm_at_once_one_wins_and_money_is_taken_once() {
    let world = World::new().await;
    let account = world.bank.open_account("Ada", usd(100_000)).await.unwrap().account_number;
    let id = world.make(&request(None)).await;
    let pay = method(&format!("account:{account}"));
    let outcomes = join_all((0..20).map(|_| world.bank.confirm(&id, &pay))).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    let refused = outcomes.into_iter().filter_map(Result::err);
    for error in refused {
        assert!(matches!(error, SandboxError::Rule(RuleError::Transition { .. })), "{error}");
    }
    assert_eq!(world.bank.retrieve(&id).await.unwrap().captures, 1);
    assert_eq!(funds(&world, &account).await, (97_500, 0));
}

#[tokio::test]
async fn many_payments_never_take_more_than_the_account_has() {
    let (world, worker) = World::at_work().await;
    let account = world.bank.open_account("Ada", usd(10_000)).await.unwrap().account_number;
    let pay = format!("account:{account}");
    join_all((0..10).map(|_| world.pay(&pay))).await;
    let told = types(&world.all_said().await);
    let times = |name: &str| told.iter().filter(|t| *t == name).count();
    assert_eq!((times("payment.captured"), times("payment.failed")), (4, 6));
    assert_eq!(funds(&world, &account).await, (0, 0));
    let lines = world.bank.transactions(&account, 0, 100).await.unwrap();
    assert_eq!(lines.len(), 1 + 4 * 2, "a deposit, and a hold and a capture each");
    worker.stop().await;
}

#[tokio::test]
async fn a_cancelled_hold_goes_back_and_the_payment_can_never_succeed() {
    let (world, worker) = World::at_work().await;
    let account = world.bank.open_account("Ada", usd(5000)).await.unwrap().account_number;
    let manual = CreateRequest {
        capture_method: CaptureMethod::Manual,
        ..request(Some(&format!("account:{account}")))
    };
    let id = world.make(&manual).await;
    assert_eq!(funds(&world, &account).await, (2500, 2500));
    for _ in 0..2 {
        let ended = world.provider.cancel(&id).await.unwrap();
        assert_eq!((ended.status, ended.captured_minor), (ProviderStatus::Canceled, 0));
    }
    assert_eq!(funds(&world, &account).await, (5000, 0));
    assert!(world.bank.confirm(&id, &method("pm_success")).await.is_err());
    let told = types(&world.all_said().await);
    assert_eq!(told.iter().filter(|t| *t == "payment.canceled").count(), 1);
    worker.stop().await;
}

#[tokio::test]
async fn a_hold_ends_after_a_day() {
    let (world, worker) = World::at_work().await;
    let id = world.pay("pm_authorize_only").await;
    let in_hours = |hours| clock::now() + TimeDelta::hours(hours);
    assert_eq!(world.bank.release_expired_holds(in_hours(23)).await.unwrap(), 0);
    assert_eq!(world.bank.release_expired_holds(in_hours(25)).await.unwrap(), 1);
    assert_eq!(world.bank.release_expired_holds(in_hours(25)).await.unwrap(), 0);
    let ended = world.provider.retrieve(&id).await.unwrap();
    assert_eq!(ended.status, ProviderStatus::Canceled);
    assert!(types(&world.all_said().await).contains(&"payment.canceled".to_owned()));
    worker.stop().await;
}

#[tokio::test]
async fn an_account_in_another_currency_is_refused_and_untouched() {
    let world = World::new().await;
    let yen = Money::new(9000, "JPY".parse().unwrap());
    let account = world.bank.open_account("Ada", yen).await.unwrap().account_number;
    let id = world.make(&request(None)).await;
    let refused = world.bank.confirm(&id, &method(&format!("account:{account}"))).await;
    assert!(matches!(refused, Err(SandboxError::Rule(RuleError::Currency { .. }))));
    assert_eq!(funds(&world, &account).await, (9000, 0));
    assert!(world.bank.confirm(&id, &method("pm_success")).await.is_ok());
}
