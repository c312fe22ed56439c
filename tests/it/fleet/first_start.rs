//! Nobody has to migrate first: whichever replica comes first does it.

use crate::support::{Server, TestDatabase, donation::builder, sources};

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_that_start_at_once_on_an_empty_database_migrate_it_once() {
    let database = TestDatabase::empty().await;
    let start = || builder().database_url(database.url()).start();
    let mut servers: [Server; 3] = futures_util::join!(start(), start(), start()).into();
    let client = database.client().await;
    let applied = "SELECT count(*) FROM __diesel_schema_migrations";
    let applied: i64 = client.query_one(applied, &[]).await.unwrap().get(0);
    assert_eq!(usize::try_from(applied).unwrap(), sources::migrations().len());
    // they made one set of secrets, too: what one signs the others accept
    let owner = crate::support::donation::sign_up(&servers[0].client()).await;
    for server in &servers[1..] {
        server.client().get("/api/v1/me").bearer(&owner).send().await.expect(200);
    }
    let mut migrated = 0;
    for server in &mut servers {
        let log = server.whole_log().await;
        migrated += usize::from(log.contains("schema brought up to date"));
    }
    assert_eq!(migrated, 1, "one did it");
}
