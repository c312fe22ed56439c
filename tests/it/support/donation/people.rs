//! Somebody with an account.

use careforall::kernel::ids::UserId;
use serde_json::json;

use super::super::{Client, postgres};

pub fn new_email() -> String {
    format!("{}@example.org", UserId::generate().0.simple())
}

/// The access token of a new user.
pub async fn sign_up(client: &Client) -> String {
    sign_up_as(client, &new_email()).await
}

pub async fn sign_up_as(client: &Client, email: &str) -> String {
    let password = "correct horse battery staple";
    let account = json!({ "email": email, "password": password, "name": "Ada" });
    client.post("/api/v1/auth/register").json(account).send().await.expect(201);
    let login = json!({ "email": email, "password": password });
    client.post("/api/v1/auth/login").json(login).send().await.expect(200).text("access_token")
}

/// The access token of a new administrator. `url` is the database's.
pub async fn sign_up_admin(client: &Client, url: &str) -> String {
    let email = new_email();
    let token = sign_up_as(client, &email).await;
    let sql = postgres::connect(url).await.unwrap();
    let promote = "UPDATE auth.users SET role = 'admin' WHERE email = $1";
    assert_eq!(sql.execute(promote, &[&email]).await.unwrap(), 1);
    token
}
