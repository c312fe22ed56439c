//! A campaign to try things on, on a developer's machine and in the demo profile.

use super::{resources::Resources, services::Services};
use crate::{
    config::{Config, Profile},
    kernel::money::Money,
    modules::auth::api as auth,
};

const OWNER_EMAIL: &str = "demo-owner@careforall.example";
const OWNER_NAME: &str = "Demo Owner";
const TITLE: &str = "Clean water for Nyeri";
const DESCRIPTION: &str = "A well, a pump and two years of upkeep for a school of 400 children. \
                           A demonstration: no money moves.";
const GOAL_MINOR: i64 = 1_000_000;

/// Makes the campaign unless it is there: in the demo profile, and in development on the embedded
/// database. A development server on a database of its own is left as it is.
pub async fn ensure(
    config: &Config,
    services: &Services,
    resources: &Resources,
) -> anyhow::Result<()> {
    let wanted = match config.profile {
        Profile::Demo => true,
        Profile::Development => resources.is_embedded(),
        Profile::Production => false,
    };
    if !wanted {
        return Ok(());
    }
    let owner = auth::ensure_user(&resources.database, OWNER_EMAIL, OWNER_NAME).await?;
    let goal = Money::new(GOAL_MINOR, "USD".parse()?);
    let id = services.campaigns.ensure_active(owner, TITLE, DESCRIPTION, goal).await?;
    tracing::info!(campaign_id = %id, "demo campaign");
    Ok(())
}
