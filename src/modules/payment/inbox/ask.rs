//! Questions to the provider, outside of any transaction.

use diesel_async::AsyncConnection;

use super::{
    super::{
        api::{Provider, ProviderError},
        model::Input,
        repo,
    },
    apply::{Applied, Question, apply_answered, deferred},
    translate::snapshot,
};
use crate::platform::postgres::{Database, DbError};

/// Asks the provider and applies the event together with the answer. The payment may have moved
/// meanwhile; then the outcome holds the question again, and the event waits a little.
pub async fn ask(
    database: &Database,
    provider: &dyn Provider,
    question: &Question,
) -> Result<Applied, DbError> {
    let answer = provider.retrieve(&question.provider_payment_id).await;
    let mut conn = database.conn().await?;
    let applied = conn
        .transaction(async |conn| {
            let Some(row) = repo::lock_inbox(conn, question.inbox_id).await? else {
                return Ok(Applied::default());
            };
            match &answer {
                Ok(payment) => {
                    let answer = snapshot(payment, question.asked_at_version);
                    let input = |event| Input::Answered { event, answer };
                    apply_answered(conn, provider, &row, input).await
                }
                Err(error) => {
                    let reason = match error {
                        ProviderError::Unavailable(_) => "provider_unavailable",
                        ProviderError::NotFound | ProviderError::Refused(_) => "provider_silent",
                    };
                    let settled = vec![deferred(&row, reason.to_owned())];
                    repo::settle_inbox(conn, &settled).await?;
                    Ok(Applied { settled, ..Applied::default() })
                }
            }
        })
        .await
        .map_err(|error: diesel::result::Error| DbError::from(error))?;
    if let Err(error) = answer {
        tracing::warn!(payment_id = %question.payment_id, %error, "the provider was asked in vain");
    }
    Ok(applied)
}
