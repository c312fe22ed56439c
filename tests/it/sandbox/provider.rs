//! The bank behind the payment module's seam: once per key, findable, and faulty when asked.

use std::time::{Duration, Instant};

use careforall::{
    kernel::ids::PaymentId,
    modules::{
        payment::api::{CreateAnswer, CreateRequest, Provider, ProviderError, ProviderStatus},
        sandbox::{Fault, FaultKind, Operation},
    },
};
use futures_util::future::join_all;

use super::world::{World, created, method, request};

fn unavailable<T>(outcome: &Result<T, ProviderError>) -> bool {
    matches!(outcome, Err(ProviderError::Unavailable(_)))
}

#[tokio::test]
async fn one_key_makes_one_payment_and_gets_one_answer() {
    let world = World::new().await;
    for payment_method in [None, Some("pm_success"), Some("pm_declined")] {
        let request = request(payment_method);
        let key = format!("pay_{}", request.payment_id);
        let answers = join_all((0..10).map(|_| world.provider.create(&request, &key))).await;
        assert!(answers.iter().all(|a| a.is_ok() && *a == answers[0]));
        assert_eq!(world.provider.find(request.payment_id, None).await.unwrap().len(), 1);
        let other = CreateRequest { amount_minor: 1, ..request };
        let misuse = world.provider.create(&other, &key).await;
        assert!(matches!(misuse, Err(ProviderError::Refused(_))));
    }
}

#[tokio::test]
async fn a_declined_payment_is_still_payable_and_its_first_answer_stays() {
    let world = World::new().await;
    for refused in ["pm_declined", "pm_insufficient_funds"] {
        let request = request(Some(refused));
        let key = format!("pay_{}", request.payment_id);
        let answer = world.provider.create(&request, &key).await.unwrap();
        assert!(matches!(answer, CreateAnswer::Declined { .. }));
        let id = created(answer.clone()).provider_payment_id;
        let status = world.provider.retrieve(&id).await.unwrap().status;
        assert_eq!(status, ProviderStatus::AwaitingMethod);
        world.bank.confirm(&id, &method("pm_success")).await.unwrap();
        assert_eq!(world.provider.create(&request, &key).await.unwrap(), answer);
        let ended = world.provider.cancel(&id).await.unwrap();
        assert_eq!((ended.status, ended.captured_minor), (ProviderStatus::Captured, 2500));
    }
}

#[tokio::test]
async fn what_the_bank_cannot_do_is_refused_and_what_it_does_not_know_is_not_found() {
    let world = World::new().await;
    for bad in ["", "pm_x", "account:", "account:999999999999"] {
        let request = request(Some(bad));
        let answer = world.provider.create(&request, "key").await;
        assert!(matches!(answer, Err(ProviderError::Refused(_))), "{bad}: {answer:?}");
        assert!(world.provider.find(request.payment_id, None).await.unwrap().is_empty());
    }
    let free = CreateRequest { amount_minor: 0, ..request(None) };
    assert!(matches!(world.provider.create(&free, "key").await, Err(ProviderError::Refused(_))));
    let absent = format!("sbx_{}", "0".repeat(32));
    for id in ["", "sbx_\0", "sbx_1", &absent] {
        assert_eq!(world.provider.retrieve(id).await, Err(ProviderError::NotFound));
        assert_eq!(world.provider.cancel(id).await, Err(ProviderError::NotFound));
    }
    assert!(world.provider.find(PaymentId::generate(), None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_planned_failure_does_nothing_and_a_lost_answer_hides_what_was_done() {
    let world = World::new().await;
    let plan = |kind, times| Fault { operation: Operation::Create, kind, times, delay_ms: 0 };
    let (request, key) = (request(Some("pm_success")), "key");
    world.bank.plan_fault(plan(FaultKind::Fail, 1)).await.unwrap();
    world.bank.plan_fault(plan(FaultKind::LoseAnswer, 2)).await.unwrap();
    assert!(unavailable(&world.provider.create(&request, key).await));
    assert!(world.provider.find(request.payment_id, None).await.unwrap().is_empty());
    for _ in 0..2 {
        assert!(unavailable(&world.provider.create(&request, key).await));
        let found = world.provider.find(request.payment_id, None).await.unwrap();
        assert_eq!(found.iter().map(|p| p.captured_minor).collect::<Vec<_>>(), [2500]);
    }
    let id = created(world.provider.create(&request, key).await.unwrap()).provider_payment_id;
    assert_eq!(world.bank.retrieve(&id).await.unwrap().captures, 1);
}

#[tokio::test]
async fn faults_are_used_up_exactly_as_often_as_planned() {
    let world = World::new().await;
    let id = world.make(&request(None)).await;
    let operation = Operation::Retrieve;
    let fault = Fault { operation, kind: FaultKind::Fail, times: 7, delay_ms: 0 };
    world.bank.plan_fault(fault).await.unwrap();
    let outcomes = join_all((0..20).map(|_| world.provider.retrieve(&id))).await;
    assert_eq!(outcomes.iter().filter(|o| unavailable(o)).count(), 7);
    assert!(world.provider.cancel(&id).await.is_ok(), "other operations are spared");
}

#[tokio::test]
async fn a_delayed_answer_comes_late_and_no_call_outlasts_its_bound() {
    let world = World::new().await;
    let id = world.make(&request(None)).await;
    let plan =
        |operation, delay_ms| Fault { operation, kind: FaultKind::Delay, times: 1, delay_ms };
    world.bank.plan_fault(plan(Operation::Retrieve, 300)).await.unwrap();
    let started = Instant::now();
    assert!(world.provider.retrieve(&id).await.is_ok());
    assert!(started.elapsed() >= Duration::from_millis(300));
    world.bank.plan_fault(plan(Operation::Cancel, 60_000)).await.unwrap();
    let started = Instant::now();
    assert!(unavailable(&world.provider.cancel(&id).await));
    assert!(started.elapsed() < Duration::from_secs(9));
    let ended = world.provider.retrieve(&id).await.unwrap();
    assert_eq!(ended.status, ProviderStatus::Canceled, "the work was done before the delay");
}
