//! What administrators do to the campaigns of others, in the audit log. Owners' acts are not in it,
//! nor is a change that changes nothing.

use diesel::QueryResult;
use serde_json::{Map, Value, json};

use crate::{
    modules::{
        auth::api::Caller,
        campaign::model::{Action, Campaign},
    },
    platform::{
        audit::{self, Author, Deed},
        http::RequestId,
        postgres::Connection,
    },
};

/// What it is called there.
pub const fn name_of(action: Action) -> &'static str {
    match action {
        Action::Publish => "campaign.publish",
        Action::Pause => "campaign.pause",
        Action::Resume => "campaign.resume",
        Action::End => "campaign.end",
        Action::Cancel => "campaign.cancel",
    }
}

/// Records a change, in its transaction, of a caller who may make it, unless they own the campaign.
pub async fn record(
    conn: &mut Connection,
    (caller, request): (Caller, RequestId),
    action: &'static str,
    (before, after): (&Campaign, &Campaign),
) -> QueryResult<()> {
    let Caller::User { user_id: admin, .. } = caller else { return Ok(()) };
    if admin == before.owner_id {
        return Ok(());
    }
    let (was, is) = difference(before, after);
    let deed = Deed {
        action,
        target_type: "campaign",
        target_id: Some(&before.id.to_string()),
        before: Some(&was.into()),
        after: Some(&is.into()),
    };
    audit::record(conn, &Author::user(admin, request, None), deed).await
}

/// The fields that differ, as they were and as they are.
fn difference(before: &Campaign, after: &Campaign) -> (Map<String, Value>, Map<String, Value>) {
    let pairs = told(before).into_iter().zip(told(after));
    let changed = pairs.filter(|((_, was), (_, is))| was != is);
    changed.map(|((name, was), (_, is))| ((name.to_owned(), was), (name.to_owned(), is))).unzip()
}

fn told(campaign: &Campaign) -> [(&'static str, Value); 10] {
    [
        ("title", json!(campaign.title)),
        ("description", json!(campaign.description)),
        ("category", json!(campaign.category)),
        ("goal_minor", json!(campaign.goal_minor)),
        ("currency", json!(campaign.currency)),
        ("status", json!(campaign.status)),
        ("starts_at", json!(campaign.starts_at)),
        ("ends_at", json!(campaign.ends_at)),
        ("allow_overfunding", json!(campaign.allow_overfunding)),
        ("version", json!(campaign.version)),
    ]
}
