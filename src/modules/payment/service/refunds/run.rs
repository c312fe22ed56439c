//! A cancelled campaign gives all its gifts back, in one act.
//!
//! The act is a row. The worker walks through the campaign's payments in ascending order, some at a
//! time, and reserves what each still holds under its lock, as for a single refund: whatever else
//! is refunded or disputed meanwhile, nothing goes back twice. The cursor moves in the same
//! transaction, so that a crash repeats nothing and leaves nothing out. What cannot be refunded is
//! counted and left where it is; what is captured behind the cursor waits for another act.

use diesel_async::AsyncConnection;

use super::{
    super::super::{
        error::PaymentError,
        providers::Providers,
        repo::{self, PaymentRow, RefundRow, RefundRunRow},
    },
    PaymentService,
    begin::{available_minor, expressible, for_worker, reservation, reserve},
};
use crate::{
    kernel::{
        clock,
        ids::{CampaignId, RefundRunId, UserId},
    },
    platform::postgres::Connection,
};

/// Payments that are locked at once.
const CHUNK: i64 = 50;

/// Begins a run for the campaign, or returns the one that it has, and whether it is new. In the
/// caller's transaction, who sees to it that the campaign is cancelled.
pub async fn begin_run(
    conn: &mut Connection,
    campaign_id: CampaignId,
    requested_by: UserId,
    reason: &str,
) -> Result<(RefundRunRow, bool), diesel::result::Error> {
    let now = clock::now();
    let row = RefundRunRow {
        id: RefundRunId::generate(),
        campaign_id,
        requested_by,
        reason: reason.to_owned(),
        cursor: None,
        skipped: 0,
        last_error: None,
        created_at: now,
        updated_at: now,
        done_at: None,
    };
    repo::open_run(conn, &row).await
}

impl PaymentService {
    /// Reserves the next refunds of one run. `false`: no run waits for it.
    pub async fn advance_run(&self) -> Result<bool, PaymentError> {
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            let Some(mut run) = repo::next_run(conn).await? else { return Ok(false) };
            let held = repo::lock_held(conn, run.campaign_id, run.cursor, CHUNK).await?;
            for payment in &held {
                reserve_rest(conn, &self.providers, payment, &mut run).await?;
            }
            run.updated_at = clock::now();
            match held.last() {
                Some(last) => run.cursor = Some(last.id),
                None => run.done_at = Some(run.updated_at),
            }
            repo::move_run(conn, &run).await?;
            Ok(true)
        })
        .await
    }
}

/// What the payment still holds, if anything.
async fn reserve_rest(
    conn: &mut Connection,
    providers: &Providers,
    payment: &PaymentRow,
    run: &mut RefundRunRow,
) -> Result<(), PaymentError> {
    let available = available_minor(conn, payment).await?;
    if available == 0 {
        return Ok(());
    }
    let (reason, by) = (Some(run.reason.clone()), Some(run.requested_by));
    match expressible(providers, payment, available) {
        Ok(()) => {
            let row = for_worker(reservation(payment, available, reason, by));
            let row = RefundRow { run_id: Some(run.id), ..row };
            reserve(conn, payment, &row).await?;
        }
        Err(error) => {
            tracing::error!(payment_id = %payment.id, %error, "a gift cannot be given back");
            metrics::counter!("refunds_skipped_total", "provider" => payment.provider.clone())
                .increment(1);
            run.skipped += 1;
            run.last_error = Some(format!("{}: {error}", payment.id));
        }
    }
    Ok(())
}
