//! `careforall fill`: years of gifts whose books agree, and only where there are none.

use std::process::Output;

use tokio::process::Command;

use crate::support::{CAREFORALL, Server, TestDatabase};

async fn careforall(database: &TestDatabase, arguments: &[&str], more: &[(&str, &str)]) -> Output {
    let mut command = Command::new(CAREFORALL);
    command.args(arguments).env("DATABASE_URL", database.url()).envs(more.iter().copied());
    command.kill_on_drop(true).output().await.unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn all_books_agree_about_what_was_filled_in_and_it_is_filled_in_once() {
    let database = TestDatabase::new().await;
    let fill = ["fill", "--pledges", "3000", "--campaigns", "50"];
    let indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname IN \
                   ('campaign', 'pledge', 'payment', 'totals')";
    let client = database.client().await;
    let before: i64 = client.query_one(indexes, &[]).await.unwrap().get(0);

    let filled = careforall(&database, &fill, &[]).await;
    assert!(filled.status.success(), "{}", said(&filled));
    let pledges = client.query_one("SELECT count(*) FROM pledge.pledges", &[]).await.unwrap();
    assert_eq!(pledges.get::<_, i64>(0), 3000);
    let after: i64 = client.query_one(indexes, &[]).await.unwrap().get(0);
    assert_eq!(after, before, "every index is there again");
    let books = careforall(&database, &["reconcile"], &[]).await;
    assert!(books.status.success(), "{}", said(&books));

    let again = careforall(&database, &fill, &[]).await;
    assert!(!again.status.success());
    assert!(said(&again).contains("there are gifts in this database"), "{}", said(&again));

    // and a server lives with it
    let server = Server::builder().database_url(database.url()).start().await;
    let list = server.client().get("/api/v1/campaigns?limit=5").send().await.expect(200);
    assert_eq!(list.body["data"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn only_a_development_database_is_filled() {
    let database = TestDatabase::new().await;
    let demo = [("CAREFORALL_PROFILE", "demo")];
    let refused = careforall(&database, &["fill", "--pledges", "1"], &demo).await;
    assert!(!refused.status.success());
    assert!(said(&refused).contains("only a development database"), "{}", said(&refused));
}
