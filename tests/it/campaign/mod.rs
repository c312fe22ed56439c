//! Campaigns over HTTP.

mod cancelled;
mod creating;
mod deadlines;
mod depth;
mod events;
mod lifecycle;
mod listing;
mod locking;
mod most_funded;
mod revising;
mod searching;

use careforall::kernel::ids::UserId;
use serde_json::{Value, json};

pub use crate::support::Server;
use crate::support::{Response, client::Request};

/// Somebody with an account.
pub struct Person {
    pub token: String,
    email: String,
}

impl Person {
    pub async fn new(server: &Server) -> Self {
        let email = format!("{}@example.org", UserId::generate().0.simple());
        let password = "correct horse battery staple";
        let account = json!({"email": email, "password": password, "name": "Ada"});
        server.client().post("/api/v1/auth/register").json(account).send().await.expect(201);
        let login = json!({"email": email, "password": password});
        let session = server.client().post("/api/v1/auth/login").json(login).send().await;
        Self { token: session.expect(200).text("access_token"), email }
    }

    /// Roles are read from the database at each request.
    pub async fn admin(server: &Server) -> Self {
        let person = Self::new(server).await;
        let promote = "UPDATE auth.users SET role = 'admin' WHERE email = $1";
        let client = server.database().client().await;
        assert_eq!(client.execute(promote, &[&person.email]).await.unwrap(), 1);
        person
    }

    pub fn get(&self, server: &Server, path: &str) -> Request {
        server.client().get(path).bearer(&self.token)
    }

    pub fn post(&self, server: &Server, path: &str) -> Request {
        server.client().post(path).bearer(&self.token)
    }

    pub async fn draft(&self, server: &Server, changes: Value) -> Response {
        let mut body = wells();
        let (Value::Object(own), Value::Object(changes)) = (&mut body, changes) else { panic!() };
        own.extend(changes);
        self.post(server, "/api/v1/campaigns").json(body).send().await
    }

    /// The path of a new draft.
    pub async fn drafted(&self, server: &Server, changes: Value) -> String {
        let draft = self.draft(server, changes).await.expect(201);
        draft.header("location").unwrap().to_owned()
    }

    /// The path of a new active campaign.
    pub async fn published(&self, server: &Server, changes: Value) -> String {
        let path = self.drafted(server, changes).await;
        self.act(server, &path, "publish").await.expect(200);
        path
    }

    pub async fn act(&self, server: &Server, path: &str, action: &str) -> Response {
        self.post(server, &format!("{path}/{action}")).send().await
    }

    pub async fn patch(&self, server: &Server, path: &str, version: i64, body: Value) -> Response {
        let request = server.client().patch(path).bearer(&self.token).if_match(version);
        request.json(body).send().await
    }
}

pub fn wells() -> Value {
    json!({
        "title": "Wells",
        "description": "Clean water.",
        "goal_minor": 100_000,
        "currency": "USD"
    })
}

/// The names of what the problem complains about.
pub fn guilty(problem: &Response) -> Vec<&str> {
    let errors = problem.body["errors"].as_array().unwrap();
    errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
}
