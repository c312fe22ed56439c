//! What a key is, and whose.

use serde_json::json;

use super::{PLEDGES, Replicas};
use crate::support::{
    Response,
    donation::{Campaign, builder, changed, new_key, promise, sign_up},
};

fn replayed(answer: &Response) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test(flavor = "multi_thread")]
async fn same_key_other_amount_is_refused() {
    let replicas = Replicas::start(2, false).await;
    let [one, other] = &replicas.clients(2)[..] else { panic!() };
    let campaign = Campaign::open(one).await;
    let (key, gift) = (new_key(), campaign.gift(2500));
    promise(one, &key, &gift).await.expect(201);
    let more = changed(gift.clone(), json!({ "amount_minor": 2501 }));
    for client in [one, other, one, other] {
        promise(client, &key, &more).await.expect_problem(422, "idempotency-key-reused");
    }
    assert!(replayed(&promise(other, &key, &gift).await.expect(201)));
    assert_eq!(replicas.count(PLEDGES).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_donors_with_one_key_never_meet() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let key = "a-key-that-two-donors-send";
    let (ada, bob) = (campaign.gift(100), campaign.gift(100));
    let first = promise(&client, key, &ada).await.expect(201);
    let second = promise(&client, key, &bob).await.expect(201);
    assert!(!replayed(&second) && first.text("id") != second.text("id"));
    let shouted = ada["donor_email"].as_str().unwrap().to_uppercase();
    let same_person = changed(ada.clone(), json!({ "donor_email": format!(" {shouted} ") }));
    let other_body = promise(&client, key, &same_person).await;
    other_body.expect_problem(422, "idempotency-key-reused");
    for _ in 0..2 {
        let token = sign_up(&client).await;
        let mine = changed(ada.clone(), json!({ "donor_email": null }));
        let post = client.post("/api/v1/pledges").bearer(token).idempotency_key("1");
        assert!(!replayed(&post.json(mine).send().await.expect(201)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_out_of_form_are_refused() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let gift = campaign.gift(100);
    let post = || client.post("/api/v1/pledges").json(&gift);
    post().send().await.expect_problem(400, "idempotency-key-missing");
    let long = "x".repeat(256);
    for bad in ["", "fifteen-chars-x", "with blanks in between", &long, "ümläute-are-no-ascii"] {
        let answer = post().idempotency_key(bad).send().await;
        answer.expect_problem(400, "idempotency-key-invalid");
    }
    let (key, other) = (new_key(), new_key());
    for (name, second) in [("x-idempotency-key", &other), ("idempotency-key", &other)] {
        let both = post().idempotency_key(&key).header(name, second).send().await;
        both.expect_problem(400, "idempotency-key-invalid");
    }
    let first = post().header("x-idempotency-key", &key).send().await.expect(201);
    let both = post().idempotency_key(&key).header("x-idempotency-key", &key);
    let again = both.send().await.expect(201);
    assert!(replayed(&again) && first.body == again.body);
    post().idempotency_key("x".repeat(255)).send().await.expect(201);
    post().idempotency_key("sixteen-chars-xx").send().await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_equals_the_first_answer_however_the_body_is_written() {
    let replicas = Replicas::start(2, false).await;
    let [one, other] = &replicas.clients(2)[..] else { panic!() };
    let campaign = Campaign::open(one).await;
    let key = new_key();
    let post = |body: &str| one.post("/api/v1/pledges").idempotency_key(&key).raw(body);
    let id = &campaign.id;
    let first = post(&format!(
        r#"{{"campaign_id":"{id}","amount_minor":700,"currency":"USD","donor_email":"ada@example.org",
            "metadata":{{"a":1,"b":[1,2]}}}}"#
    ));
    let first = first.send().await.expect(201);
    let again = format!(
        r#"{{ "metadata" : {{"b": [1, 2], "a": 1}}, "donor_email":"ada@example.org",
             "currency":"USD", "amount_minor": 700, "campaign_id":"{id}" }}"#
    );
    let far = other.post("/api/v1/pledges").idempotency_key(&key).raw(again.as_str());
    for again in [post(&again).send().await.expect(201), far.send().await.expect(201)] {
        assert!(replayed(&again));
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("location"), first.header("location"));
    }
    let location = first.header("location").unwrap();
    let mine = other.get(location).bearer(first.text("guest_token")).send().await.expect(200);
    assert_eq!(
        (mine.text("id"), mine.text("donor_email")),
        (first.text("id"), "ada@example.org".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_route_and_its_pledge() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let token = sign_up(&client).await;
    let key = new_key();
    let mine = changed(campaign.gift(100), json!({ "donor_email": null }));
    let post = client.post("/api/v1/pledges").bearer(&token).idempotency_key(&key);
    post.json(mine).send().await.expect(201);
    let pledge = campaign.pledge_by(&client, &token, 100).await;
    let cancel = pledge.cancel(&client, &key).send().await;
    cancel.expect_problem(422, "idempotency-key-reused");
    let pay = pledge.pay_with(&client, &key, json!({})).send().await;
    pay.expect_problem(422, "idempotency-key-reused");
    assert_eq!(pledge.read(&client).await["status"], "pending");
}
