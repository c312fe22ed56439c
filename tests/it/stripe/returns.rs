//! Money that goes back: refunds that we ask for, and disputes.

use careforall::{
    kernel::ids::RefundId,
    modules::payment::api::{
        CreateRequest, Provider, ProviderDisputeStatus, ProviderError, ProviderRefundStatus,
        RefundRequest,
    },
};

use super::{
    fake::{FakeStripe, Fault},
    world::{order, paid, provider},
};

fn giving_back(order: &CreateRequest, intent: &str, amount_minor: i64) -> RefundRequest {
    RefundRequest {
        refund_id: RefundId::generate(),
        payment_id: order.payment_id,
        provider_payment_id: intent.to_owned(),
        amount_minor,
        currency: order.currency,
    }
}

#[tokio::test]
async fn a_refund_is_made_once_for_its_key_and_carries_our_ids() {
    let (fake, order) = (FakeStripe::start(), order(Some("pm_card_visa")));
    let provider = provider(&fake);
    let intent = paid(&provider, &order).await;
    let request = giving_back(&order, &intent, 1000);
    let key = format!("re_{}", request.refund_id);
    fake.plan("POST refunds", Fault::LoseAnswer);
    let made = provider.refund(&request, &key).await.unwrap();
    assert_eq!(provider.refund(&request, &key).await, Ok(made.clone()));
    assert_eq!(made.refund_id, Some(request.refund_id));
    assert_eq!((made.status, made.amount_minor), (ProviderRefundStatus::Succeeded, 1000));
    let asked = fake.asked("POST refunds").pop().unwrap();
    assert_eq!(asked.key, Some(key));
    let ours = order.payment_id.to_string();
    assert_eq!(asked.fields.get("metadata[payment_id]"), Some(ours.as_str()));
    let now = provider.retrieve(&intent).await.unwrap();
    assert_eq!(now.refunds, Some(vec![made]));
    assert_eq!(now.captured_minor, 2500, "what was captured stays captured");
}

#[tokio::test]
async fn more_than_is_left_is_refused() {
    let (fake, order) = (FakeStripe::start(), order(Some("pm_card_visa")));
    let provider = provider(&fake);
    let intent = paid(&provider, &order).await;
    for amount in [2501, 2500, 1] {
        let (request, key) = (giving_back(&order, &intent, amount), amount.to_string());
        let answer = provider.refund(&request, &key).await;
        let refused = matches!(answer, Err(ProviderError::Refused(_)));
        assert_eq!(refused, amount != 2500, "{amount}: {answer:?}");
    }
    let nothing = provider.refund(&giving_back(&order, "pi_none", 1), "key").await;
    assert_eq!(nothing, Err(ProviderError::NotFound));
}

#[tokio::test]
async fn a_payment_is_shown_with_its_refunds_and_disputes_but_without_inquiries() {
    let (fake, order) = (FakeStripe::start(), order(Some("pm_card_visa")));
    let provider = provider(&fake);
    let intent = paid(&provider, &order).await;
    let request = giving_back(&order, &intent, 400);
    let made = provider.refund(&request, "re_1").await.unwrap();
    fake.world().fail_refund(&made.provider_refund_id);
    for (status, shown) in [
        ("warning_needs_response", None),
        ("needs_response", Some(ProviderDisputeStatus::Open)),
        ("under_review", Some(ProviderDisputeStatus::Open)),
        ("lost", Some(ProviderDisputeStatus::Lost)),
        ("won", Some(ProviderDisputeStatus::Won)),
    ] {
        fake.world().dispute(&intent, 2100, status, "updated");
        let now = provider.retrieve(&intent).await.unwrap();
        assert_eq!(now.refunds.unwrap()[0].status, ProviderRefundStatus::Failed);
        let disputes = now.disputes.unwrap();
        assert_eq!(disputes.first().map(|d| (d.status, d.amount_minor)), shown.map(|s| (s, 2100)));
    }
}
