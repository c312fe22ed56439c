//! Nobody has to migrate first: whichever replica comes first does it.

use crate::support::{TestDatabase, donation::builder, sources};

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_that_start_at_once_on_an_empty_database_migrate_it_once() {
    let database = TestDatabase::empty().await;
    let start = || builder().database_url(database.url()).start();
    let (one, two, three) = futures_util::join!(start(), start(), start());
    let client = database.client().await;
    let applied = "SELECT count(*) FROM __diesel_schema_migrations";
    let applied: i64 = client.query_one(applied, &[]).await.unwrap().get(0);
    assert_eq!(usize::try_from(applied).unwrap(), sources::migrations().len());
    let migrated =
        |server: &&crate::support::Server| server.logs().contains("schema brought up to date");
    assert_eq!([&one, &two, &three].into_iter().filter(migrated).count(), 1, "one did it");
    // they made one set of secrets, too: what one signs the others accept
    let owner = crate::support::donation::sign_up(&one.client()).await;
    for server in [&two, &three] {
        server.client().get("/api/v1/me").bearer(&owner).send().await.expect(200);
    }
}
