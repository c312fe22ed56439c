//! `careforall keys`: the keys that sign tokens.

use crate::{
    app,
    config::Config,
    modules::auth::api::{KeyState, list_keys, revoke_key, rotate_keys},
    platform::audit::Author,
};

/// Makes a new signing key; it will sign after everybody knows it.
pub async fn rotate(config: &Config, hurry: bool) -> anyhow::Result<()> {
    let configured = config.auth.signing_key.is_some();
    let hurried = if hurry { " --hurry" } else { "" };
    let author = Author::command_line(&format!("careforall keys rotate{hurried}"));
    let (id, from) = app::with_database(config, async |database| {
        Ok(rotate_keys(&mut *database.conn().await?, &author, configured, hurry).await?)
    })
    .await?;
    println!("key {id} is published and signs from {}", from.to_rfc3339());
    Ok(())
}

/// Prints the keys whose tokens are good.
pub async fn list(config: &Config) -> anyhow::Result<()> {
    let keys = app::with_database(config, async |database| {
        let configured = app::expose(config.auth.signing_key.as_ref());
        Ok(list_keys(&mut *database.conn().await?, configured).await?)
    })
    .await?;
    for key in keys {
        let state = match key.state {
            KeyState::Signs => "signs".to_owned(),
            KeyState::Waits(from) => format!("signs from {}", from.to_rfc3339()),
            KeyState::Verifies(Some(until)) => format!("verifies until {}", until.to_rfc3339()),
            KeyState::Verifies(None) => "verifies".to_owned(),
        };
        println!("{} {state}", key.id);
    }
    Ok(())
}

/// Refuses the tokens of a key from now on.
pub async fn revoke(config: &Config, id: &str) -> anyhow::Result<()> {
    let author = Author::command_line("careforall keys revoke");
    app::with_database(config, async |database| {
        let configured = app::expose(config.auth.signing_key.as_ref());
        Ok(revoke_key(&mut *database.conn().await?, &author, configured, id).await?)
    })
    .await?;
    println!("key {id} is revoked");
    Ok(())
}
