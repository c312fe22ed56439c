//! What the payment module's own books say of each other, and its payments for comparison.

use diesel::QueryResult;

use super::{
    super::{
        model::{Amounts, Facts},
        repo::facts_of,
        repo::reconcile::{self as repo, Standing},
    },
    refund_books::Refunds,
};
use crate::{
    kernel::{
        drift::Drift,
        ids::{CampaignId, PaymentId},
    },
    modules::payment::events::PaymentChanged,
    platform::postgres::Connection,
};

/// The next payments by id.
pub async fn ids_after(
    conn: &mut Connection,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Vec<PaymentId>> {
    repo::ids_after(conn, after, limit).await
}

/// Those of these payments that exist, each with its amount in minor units, and where facts, ledger,
/// history and refunds say otherwise.
pub async fn examine(
    conn: &mut Connection,
    ids: &[PaymentId],
) -> QueryResult<(Vec<(PaymentChanged, i64)>, Vec<Drift>)> {
    let mut facts = facts_of(conn, ids).await?;
    let mut refunds = Refunds::of(conn, ids).await?;
    let (mut payments, mut drifts) = (Vec::new(), Vec::new());
    for Standing { payment, ledger, history } in repo::standing(conn, ids).await? {
        let (amount_minor, flagged) = (payment.amount_minor, payment.amount_mismatch);
        let payment = PaymentChanged::from(payment);
        let known = facts.remove(&payment.payment_id).unwrap_or_default();
        let known = Facts::from_rows(&known).ok();
        let mut compare = |check, other: Option<Amounts>| {
            let own = amounts(&payment);
            if other != Some(own) {
                let other = other.map_or_else(|| "none".to_owned(), told);
                let detail = format!("the payment is {}, its book says {other}", told(own));
                let drift = Drift::new(check, detail);
                drifts.push(drift.of(payment.campaign_id, payment.payment_id));
            }
        };
        compare("ledger_payment", Some(ledger.amounts()).filter(|_| ledger.ledger_fits));
        compare("facts_payment", known.as_ref().map(Facts::amounts));
        compare("history_payment", history.amounts());
        drifts.extend(refunds.differences(&payment, &known.unwrap_or_default()));
        drifts.extend(misflagged(&payment, amount_minor, flagged));
        payments.push((payment, amount_minor));
    }
    Ok((payments, drifts))
}

/// Whether another amount was captured than pledged is flagged otherwise than it is.
fn misflagged(payment: &PaymentChanged, amount_minor: i64, flagged: bool) -> Option<Drift> {
    let captured = payment.captured_minor;
    let differs = captured > 0 && captured != amount_minor;
    let detail = format!("{captured} of {amount_minor} captured, flagged as different: {flagged}");
    let drift = || Drift::new("payment_terms", detail).of(payment.campaign_id, payment.payment_id);
    (flagged != differs).then(drift)
}

fn amounts(payment: &PaymentChanged) -> Amounts {
    Amounts {
        captured_minor: payment.captured_minor,
        refunded_minor: payment.refunded_minor,
        disputed_minor: payment.disputed_minor,
    }
}

fn told(amounts: Amounts) -> String {
    let Amounts { captured_minor, refunded_minor, disputed_minor } = amounts;
    format!("{captured_minor}/{refunded_minor}/{disputed_minor}")
}

/// Compares the sums of the next payments with those of their ledger, whosever its rows are; also
/// returns the last of these payments, if there may be more.
pub async fn examine_sums(
    conn: &mut Connection,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<(Option<PaymentId>, Vec<Drift>)> {
    let upto = repo::end_of_stretch(conn, after, limit).await?;
    let sums = repo::unequal_sums(conn, after, upto).await?;
    Ok((upto, sums.into_iter().map(|detail| Drift::new("ledger_sum", detail)).collect()))
}

/// What concerns no single payment: neglected webhooks.
pub async fn examine_whole(conn: &mut Connection) -> QueryResult<Vec<Drift>> {
    let webhooks = repo::neglected_webhooks(conn).await?;
    Ok(webhooks.into_iter().map(|detail| Drift::new("webhook_inbox", detail)).collect())
}

/// The next payments of a campaign that captured anything, by id.
pub async fn paid_of(
    conn: &mut Connection,
    campaign: CampaignId,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Vec<PaymentChanged>> {
    repo::paid_of(conn, campaign, after, limit).await
}

/// Those of these payments that exist.
pub async fn existing(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Vec<PaymentId>> {
    repo::existing(conn, ids).await
}

/// These payments, as they announce themselves.
pub async fn announced(
    conn: &mut Connection,
    ids: &[PaymentId],
) -> QueryResult<Vec<PaymentChanged>> {
    let found = repo::standing(conn, ids).await?;
    Ok(found.into_iter().map(|standing| standing.payment.into()).collect())
}
