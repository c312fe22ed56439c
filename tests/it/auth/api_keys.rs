use serde_json::{Value, json};

use super::{access, code};
use crate::support::{
    Server,
    donation::{Campaign, builder, changed, new_key, sign_up, sign_up_admin},
};

const KEYS: &str = "/api/v1/api-keys";

/// The secret of a new key.
pub async fn create(server: &Server, access: &str) -> String {
    let request = server.client().post(KEYS).bearer(access).json(json!({ "name": "Website" }));
    request.send().await.expect(201).text("secret")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_once_and_stored_as_a_hash() {
    let mut server = Server::start().await;
    let client = server.client();
    let ada = access(&server, "ada@example.org").await;
    let body = json!({ "name": "Website" });
    let made = client.post(KEYS).bearer(&ada).json(body).send().await.expect(201);
    let secret = made.text("secret");
    assert!(secret.starts_with("cfa_") && secret.starts_with(&made.text("prefix")));
    assert_eq!(made.headers["location"], format!("{KEYS}/{}", made.text("id")));
    let members: Vec<_> = made.body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["created_at", "id", "name", "prefix", "secret"]);
    let list = client.get(KEYS).bearer(&ada).send().await.expect(200).body;
    assert_eq!(list["data"][0]["last_used_at"], Value::Null);
    client.get("/api/v1/me").bearer(&secret).send().await.expect(200);
    let list = client.get(KEYS).bearer(&ada).send().await.expect(200).body;
    assert!(list["data"][0]["last_used_at"].is_string());
    assert!(!list.to_string().contains(&secret[12..]), "{list}");
    let stored = "SELECT k::text FROM auth.api_keys k";
    let row = server.database().client().await.query_one(stored, &[]).await.unwrap();
    assert!(!row.get::<_, String>(0).contains(&secret[12..]));
    assert!(!server.whole_log().await.contains(&secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_at_once_and_only_its_owner_revokes() {
    let server = Server::start().await;
    let client = server.client();
    let (ada, bob) =
        (access(&server, "ada@example.org").await, access(&server, "bob@example.org").await);
    let secret = create(&server, &ada).await;
    let list = client.get(KEYS).bearer(&ada).send().await.expect(200).body;
    let path = format!("{KEYS}/{}", list["data"][0]["id"].as_str().unwrap());
    client.delete(&path).bearer(&bob).send().await.expect_problem(404, "not-found");
    client.get("/api/v1/me").bearer(&secret).send().await.expect(200);
    client.delete(&path).bearer(&ada).send().await.expect(204);
    client.delete(&path).bearer(&ada).send().await.expect_problem(404, "not-found");
    client.get("/api/v1/me").bearer(&secret).send().await.expect_problem(401, "unauthorized");
    let list = client.get(KEYS).bearer(&ada).send().await.expect(200).body;
    assert_eq!(list["data"], json!([]));
    for bad in [format!("{secret}x"), "cfa_".to_owned(), secret.replace("cfa_", "cfb_")] {
        let refused = client.get("/api/v1/me").bearer(&bad).send().await;
        assert_eq!(code(&refused), (401, "unauthorized"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_acts_as_its_user_but_not_on_keys_sessions_and_tokens() {
    let server = builder().start().await;
    let client = server.client();
    let ada = access(&server, "ada@example.org").await;
    let key = create(&server, &ada).await;
    let me = client.get("/api/v1/me").bearer(&key).send().await.expect(200);
    assert_eq!(me.body["email"], "ada@example.org");
    let name = json!({ "name": "Ada King" });
    client.patch("/api/v1/me").bearer(&key).if_match(1).json(name).send().await.expect(200);
    let wells =
        json!({ "title": "Wells", "description": "Water.", "goal_minor": 100, "currency": "USD" });
    let draft = client.post("/api/v1/campaigns").bearer(&key).json(wells).send().await.expect(201);
    let path = format!("/api/v1/campaigns/{}", draft.text("id"));
    client.get(&path).bearer(&key).send().await.expect(200);
    client.post(&format!("{path}/publish")).bearer(&key).send().await.expect(200);
    client.get("/api/v1/me/pledges").bearer(&key).send().await.expect(200);

    let id = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";
    let requests = [
        client.get(KEYS),
        client.post(KEYS).json(json!({ "name": "x" })),
        client.delete(&format!("{KEYS}/{id}")),
        client.get("/api/v1/me/sessions"),
        client.delete(&format!("/api/v1/me/sessions/{id}")),
        client.post("/api/v1/auth/logout").json(json!({ "refresh_token": "x" })),
    ];
    for request in requests {
        request.bearer(&key).send().await.expect_problem(403, "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_twenty_keys_and_parallel_requests_get_no_more() {
    let server = Server::start().await;
    let client = server.client();
    let ada = access(&server, "ada@example.org").await;
    for _ in 0..18 {
        create(&server, &ada).await;
    }
    let another = || client.post(KEYS).bearer(&ada).json(json!({ "name": "x" })).send();
    let answers = futures_util::future::join_all((0..6).map(|_| another())).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 201);
    assert_eq!(made.len(), 2);
    for answer in refused {
        answer.expect_problem(409, "invalid-transition");
    }
    let path = format!("{KEYS}/{}", made[0].text("id"));
    client.delete(&path).bearer(&ada).send().await.expect(204);
    another().await.expect(201);
    create(&server, &access(&server, "bob@example.org").await).await;
}

/// Credentials are judged before anything else of the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_is_refused_before_the_body_is_read() {
    let server = Server::start().await;
    let request = server.client().post("/api/v1/campaigns").bearer("cfa_nonsense");
    request.raw("{").send().await.expect_problem(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gift_by_key_is_its_users_and_may_be_in_anothers_name() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let ada = access(&server, "ada@example.org").await;
    let key = create(&server, &ada).await;
    let (once, gift) = (new_key(), campaign.gift(100));
    let give = async |token: &str, gift: &Value| {
        let request = client.post("/api/v1/pledges").bearer(token).idempotency_key(&once);
        request.json(gift).send().await
    };
    let made = give(&key, &gift).await.expect(201);
    assert_eq!(made.body["donor_email"], gift["donor_email"]);
    assert_eq!(made.body["guest_token"], Value::Null);
    let again = give(&key, &gift).await.expect(201);
    assert_eq!(
        (&again.body["id"], &again.headers["idempotent-replayed"]),
        (&made.body["id"], &"true".parse().unwrap())
    );
    let own = changed(gift.clone(), json!({ "donor_email": null }));
    let in_person = give(&ada, &own).await.expect(201);
    assert_ne!(in_person.body["id"], made.body["id"], "the key's idempotency keys are its own");
    let refused = give(&ada, &gift).await;
    assert_eq!(refused.status, 400, "in person one gives as oneself");
    let path = format!("/api/v1/pledges/{}", made.text("id"));
    client.get(&path).bearer(&ada).send().await.expect(200);
    let other = sign_up(&client).await;
    client.get(&path).bearer(&other).send().await.expect_problem(404, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_an_administrator_is_no_administrator() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::draft(&client, json!({})).await;
    let open = Campaign::open(&client).await;
    let pledge = open.pledge(&client, 100).await;
    let admin = sign_up_admin(&client, &server.database().url()).await;
    let key = create(&server, &admin).await;
    let pledge = format!("/api/v1/pledges/{}", pledge.id);
    for path in [campaign.path(), pledge] {
        client.get(&path).bearer(&admin).send().await.expect(200);
        assert_eq!(client.get(&path).bearer(&key).send().await.status, 404, "{path}");
    }
    let pause = client.post(&format!("{}/pause", open.path())).bearer(&key).send().await;
    assert_eq!(code(&pause), (403, "forbidden"));
}
