//! Money that goes back: refunds, disputes, holds that end.

use careforall::{
    kernel::{ids::RefundId, money::Money},
    modules::{
        payment::api::{
            CaptureMethod, CreateRequest, Provider, ProviderDisputeStatus, ProviderError,
            ProviderRefund, ProviderRefundStatus, ProviderStatus, RefundRequest,
        },
        sandbox::Outcome,
    },
};
use futures_util::future::join_all;

use super::world::{World, method, request, types};

fn refund(id: &str, of: &CreateRequest, amount_minor: i64) -> RefundRequest {
    RefundRequest {
        refund_id: RefundId::generate(),
        payment_id: of.payment_id,
        provider_payment_id: id.to_owned(),
        amount_minor,
        currency: of.currency,
    }
}

async fn listed(world: &World, id: &str) -> Vec<ProviderRefund> {
    world.provider.retrieve(id).await.unwrap().refunds.unwrap()
}

#[tokio::test]
async fn one_key_gives_back_once_to_the_account_it_came_from() {
    let (world, worker) = World::at_work().await;
    let deposit = Money::new(10_000, "USD".parse().unwrap());
    let number = world.bank.open_account("Ada", deposit).await.unwrap().account_number;
    let order = request(Some(&format!("account:{number}")));
    let id = world.make(&order).await;
    let back = refund(&id, &order, 1000);
    let key = format!("re_{}", back.refund_id);

    let answers = join_all((0..10).map(|_| world.provider.refund(&back, &key))).await;

    let first = answers[0].clone().unwrap();
    assert_eq!((first.status, first.amount_minor), (ProviderRefundStatus::Succeeded, 1000));
    assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&first)));
    assert_eq!(listed(&world, &id).await, [first]);
    assert_eq!(world.bank.account(&number).await.unwrap().balance_minor, 8500);
    let said = world.all_said().await;
    let told = said.iter().find(|a| a.text("/type") == "refund.succeeded").unwrap();
    assert_eq!(told.text("/data/metadata/refund_id"), back.refund_id.to_string());
    let other = RefundRequest { amount_minor: 1, ..back };
    assert!(matches!(world.provider.refund(&other, &key).await, Err(ProviderError::Refused(_))));
    worker.stop().await;
}

#[tokio::test]
async fn no_more_is_given_back_than_was_captured() {
    let world = World::new().await;
    let order = request(Some("pm_success"));
    let id = world.make(&order).await;
    let wanted: Vec<_> = (0..10).map(|_| refund(&id, &order, 1000)).collect();
    let keys: Vec<_> = wanted.iter().map(|r| format!("re_{}", r.refund_id)).collect();

    let answers =
        join_all(wanted.iter().zip(&keys).map(|(r, k)| world.provider.refund(r, k))).await;

    assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 2);
    assert_eq!(world.bank.retrieve(&id).await.unwrap().refunded_minor, 2000);
    let unpaid = request(None);
    let unpaid = refund(&world.make(&unpaid).await, &unpaid, 1);
    assert!(matches!(world.provider.refund(&unpaid, "k").await, Err(ProviderError::Refused(_))));
}

#[tokio::test]
async fn a_refund_that_fails_is_pending_then_succeeds_and_then_fails() {
    let (world, worker) = World::at_work().await;
    let order = request(Some("pm_refund_fails"));
    let id = world.make(&order).await;
    let answer = world.provider.refund(&refund(&id, &order, 2500), "k").await.unwrap();
    assert_eq!(answer.status, ProviderRefundStatus::Pending);
    let mut said = types(&world.all_said().await);
    said.retain(|name| name.starts_with("refund"));
    assert_eq!(said, ["refund.succeeded", "refund.failed"]);
    assert_eq!(listed(&world, &id).await[0].status, ProviderRefundStatus::Failed);
    assert_eq!(world.bank.retrieve(&id).await.unwrap().refunded_minor, 0);
    worker.stop().await;
}

#[tokio::test]
async fn a_dispute_is_decided_once() {
    let (world, worker) = World::at_work().await;
    let id = world.pay("pm_dispute").await;
    let larger = world.bank.open_dispute(&id, Some(9000), false).await.unwrap();
    let inquiry = world.bank.open_dispute(&id, None, true).await.unwrap();
    world.bank.close_dispute(&larger.id, Outcome::Lost).await.unwrap();
    for outcome in [Outcome::Won, Outcome::Escalated] {
        assert!(world.bank.close_dispute(&larger.id, outcome).await.is_err());
    }
    assert!(world.bank.close_dispute(&inquiry.id, Outcome::Lost).await.is_err());
    let listed = world.provider.retrieve(&id).await.unwrap().disputes.unwrap();
    let seen: Vec<_> = listed.iter().map(|d| (d.status, d.amount_minor)).collect();
    let expected = [(ProviderDisputeStatus::Open, 2500), (ProviderDisputeStatus::Lost, 9000)];
    assert_eq!(seen, expected);
    let won = world.bank.close_dispute(&listed[0].provider_dispute_id, Outcome::Won).await.unwrap();
    assert_eq!(won.amount_minor, 2500);
    let mut said = types(&world.all_said().await);
    said.retain(|name| name.starts_with("dispute"));
    said.sort();
    let words = [
        "dispute.inquiry_opened",
        "dispute.lost",
        "dispute.opened",
        "dispute.opened",
        "dispute.won",
    ];
    assert_eq!(said, words);
    worker.stop().await;
}

#[tokio::test]
async fn a_hold_that_ended_is_released_and_cannot_be_captured() {
    let (world, worker) = World::at_work().await;
    let deposit = Money::new(5000, "USD".parse().unwrap());
    let number = world.bank.open_account("Ada", deposit).await.unwrap().account_number;
    let manual = CreateRequest { capture_method: CaptureMethod::Manual, ..request(None) };
    let id = world.make(&manual).await;
    world.bank.confirm(&id, &method(&format!("account:{number}"))).await.unwrap();
    assert!(world.provider.retrieve(&id).await.unwrap().authorization_expires_at.is_some());
    world.bank.expire(&id).await.unwrap();
    assert_eq!(world.bank.account(&number).await.unwrap().balance_minor, 5000);
    assert!(matches!(world.provider.capture(&id, "k").await, Err(ProviderError::Refused(_))));
    let now = world.provider.retrieve(&id).await.unwrap();
    assert_eq!((now.status, now.authorization_expires_at), (ProviderStatus::Canceled, None));
    assert_eq!(types(&world.all_said().await), ["payment.authorized", "payment.canceled"]);
    worker.stop().await;
}
