//! What gifts ask of campaigns.

use std::time::Duration;

use careforall::{
    kernel::{clock, ids::CampaignId},
    modules::campaign::api::{self, Closed},
    platform::postgres::Database,
};
use diesel_async::AsyncConnection;
use serde_json::json;
use tokio::runtime::Handle;

use super::{Person, Server};

fn id_of(path: &str) -> CampaignId {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn gifts_learn_in_one_question_whether_they_are_taken() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let draft = id_of(&ada.drafted(&server, json!({})).await);
    let open = json!({"ends_at": "2040-01-01T00:00:00Z", "allow_overfunding": false});
    let open = id_of(&ada.published(&server, open).await);
    let early = json!({"starts_at": "2040-01-01T00:00:00Z"});
    let early = id_of(&ada.published(&server, early).await);
    let stopped = id_of(&ada.published(&server, json!({})).await);
    let suspend = "UPDATE campaign.campaigns SET suspended_at = now() WHERE id::text = $1";
    server.database().client().await.execute(suspend, &[&stopped.to_string()]).await.unwrap();
    let database = Database::new(&server.database().url(), 1, Handle::current()).unwrap();
    let conn = &mut database.conn().await.unwrap();
    let ids = [stopped, draft, open, early, open, CampaignId::generate()];
    let found = api::lock_for_gifts(conn, &ids).await.unwrap();
    assert_eq!(found.len(), 4);
    assert!(found[&draft].draft && found[&draft].accepts(clock::now()).is_err());
    assert_eq!(
        (found[&open].accepts(clock::now()), found[&open].allow_overfunding),
        (Ok(()), false)
    );
    assert_eq!(found[&early].accepts(clock::now()), Err(Closed::NotStarted));
    assert_eq!(found[&stopped].accepts(clock::now()), Err(Closed::Suspended));
    let found = api::lock_for_gifts(conn, &[open]).await.unwrap();
    let late = "2040-01-01T00:00:00Z".parse().unwrap();
    assert!(matches!(found[&open].accepts(late), Err(Closed::Status(_))));
    let owner = api::owner_of(conn, open).await.unwrap();
    assert_eq!(owner, Some(found[&open].owner_id));
    assert_eq!(api::owner_of(conn, CampaignId::generate()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_does_not_change_under_a_gift_and_gifts_do_not_wait_for_each_other() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.published(&server, json!({})).await;
    let database = Database::new(&server.database().url(), 2, Handle::current()).unwrap();
    let (gift, other) = (&mut database.conn().await.unwrap(), &mut database.conn().await.unwrap());
    let pause = gift.transaction(async |gift| {
        api::lock_for_gifts(gift, &[id_of(&path)]).await?;
        other.transaction(async |other| api::lock_for_gifts(other, &[id_of(&path)]).await).await?;
        let mut pause = Box::pin(ada.act(&server, &path, "pause"));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut pause).await;
        assert!(early.is_err(), "paused while a gift was under way");
        Ok::<_, diesel::result::Error>(pause)
    });
    pause.await.unwrap().await.expect(200);
}
