//! A gift made as a guest, and the account whose address it was made with.

use serde_json::json;

use crate::{
    auth::{api_keys, post},
    support::{
        Client, Server,
        donation::{Campaign, Payment, Pledge, builder, changed, new_key, promise, sign_up_as},
        mail::arrive,
    },
};

const ADA: &str = "ada@example.org";

async fn give_as(client: &Client, campaign: &Campaign, email: &str) -> Pledge {
    let gift = changed(campaign.gift(1000), json!({ "donor_email": email }));
    let answer = promise(client, &new_key(), &gift).await.expect(201);
    Pledge { id: answer.text("id"), token: answer.text("guest_token") }
}

async fn prove(server: &Server, email: &str) {
    let token = arrive(server, email, 1).await[0].token();
    post(server, "/api/v1/auth/verify-email", json!({ "token": token })).await.expect(204);
}

/// Pledge, payment and its history; then paying again and cancelling, for which it is too late.
async fn told(client: &Client, pledge: &Pledge, payment: &Payment, token: &str) -> [u16; 5] {
    let own = Pledge { id: pledge.id.clone(), token: token.to_owned() };
    let get = async |path: String| client.get(&path).bearer(token).send().await.status;
    [
        get(format!("/api/v1/pledges/{}", own.id)).await,
        get(format!("/api/v1/payments/{}", payment.id)).await,
        get(format!("/api/v1/payments/{}/history", payment.id)).await,
        own.pay_with(client, &new_key(), json!({})).send().await.status,
        own.cancel(client, &new_key()).send().await.status,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_gift_is_the_users_who_has_proven_its_address_and_nobody_elses() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let paid = give_as(&client, &campaign, "Ada@Example.ORG").await;
    let payment = paid.pay(&client, "pm_success").await;
    paid.becomes(&client, "completed").await;
    let ada = sign_up_as(&client, ADA).await;
    assert_eq!(told(&client, &paid, &payment, &ada).await, [404; 5], "not proven yet");
    for near in ["ada@example.org.example", "ada+wells@example.org", "ad\u{e4}@example.org"] {
        let account = json!({ "email": near, "password": crate::auth::PASSWORD, "name": "Near" });
        let made = client.post("/api/v1/auth/register").json(&account).send().await;
        if made.status != 201 {
            made.expect_problem(400, "validation-failed");
            continue;
        }
        // not every mail server takes such an address
        let sql = format!("UPDATE auth.users SET email_verified_at = now() WHERE email = '{near}'");
        crate::auth::sql(&server, &sql).await;
        let other = crate::auth::login(&server, near, crate::auth::PASSWORD).await;
        let other = other.expect(200).text("access_token");
        assert_eq!(told(&client, &paid, &payment, &other).await, [404; 5], "{near}");
    }

    prove(&server, ADA).await;
    assert_eq!(told(&client, &paid, &payment, &ada).await, [200, 200, 200, 409, 409]);
    let own = Pledge { id: paid.id.clone(), token: ada.clone() };
    assert_eq!(own.read(&client).await["donor_email"], ADA);
    let key = api_keys::create(&server, &ada).await;
    assert_eq!(told(&client, &paid, &payment, &key).await, [200, 200, 200, 409, 409]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joined_gift_is_paid_for_and_cancelled_by_its_user() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let (wanted, unwanted) =
        (give_as(&client, &campaign, ADA).await, give_as(&client, &campaign, ADA).await);
    let ada = sign_up_as(&client, ADA).await;
    prove(&server, ADA).await;
    let mine = |pledge: Pledge| Pledge { token: ada.clone(), ..pledge };
    let (wanted, unwanted) = (mine(wanted), mine(unwanted));
    wanted.pay(&client, "pm_success").await;
    wanted.becomes(&client, "completed").await;
    unwanted.cancel(&client, &new_key()).send().await.expect(200);
    assert_eq!(unwanted.read(&client).await["status"], "cancelled");
}

/// A program gives in somebody's name: the gift is its user's, whose address it names or not.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_gave_in_anothers_name_is_not_the_others() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let ada = sign_up_as(&client, ADA).await;
    prove(&server, ADA).await;
    let key = api_keys::create(&server, &sign_up_as(&client, "bob@example.org").await).await;
    let gift = changed(campaign.gift(1000), json!({ "donor_email": ADA }));
    let request = client.post("/api/v1/pledges").bearer(&key).idempotency_key(new_key());
    let made = request.json(gift).send().await.expect(201);
    let path = format!("/api/v1/pledges/{}", made.text("id"));
    client.get(&path).bearer(&ada).send().await.expect_problem(404, "not-found");
    client.get(&path).bearer(&key).send().await.expect(200);
}
