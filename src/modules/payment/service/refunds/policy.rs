//! A pledge is paid once: what is captured a second time is given back.

use super::{
    super::super::{error::PaymentError, repo},
    begin::{available_minor, for_worker, reservation, reserve},
};
use crate::{kernel::ids::PledgeId, platform::postgres::Connection};

/// Reserves the refund of every payment of these pledges but the one that was captured first; the
/// worker carries it out. Runs as a consumer of what was captured, after it was committed: of two
/// captures at the same time the later event sees both.
pub async fn refund_second_captures(
    conn: &mut Connection,
    pledges: &[PledgeId],
) -> Result<(), PaymentError> {
    for id in repo::captured_again(conn, pledges).await? {
        let payment = repo::find_locked(conn, id).await?.ok_or(PaymentError::NotFound)?;
        let available = available_minor(conn, &payment).await?;
        if available == 0 {
            continue;
        }
        let reason = Some("captured a second time for one pledge".to_owned());
        let row = for_worker(reservation(&payment, available, reason, None));
        if reserve(conn, &payment, &row).await? {
            tracing::error!(payment_id = %id, pledge_id = %payment.pledge_id, "captured a second time");
            metrics::counter!("payment_second_captures_total", "provider" => payment.provider)
                .increment(1);
        }
    }
    Ok(())
}
