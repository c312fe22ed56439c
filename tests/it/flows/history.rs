//! What somebody has given, with an account and without.

use serde_json::{Value, json};

use crate::{
    auth::post,
    support::{
        Client,
        donation::{Campaign, PATIENCE, Pledge, builder, changed, new_key, promise, sign_up_as},
        eventually,
        mail::{arrive, redeem_magic_link},
    },
};

const ADA: &str = "ada@example.org";

async fn history(client: &Client, token: &str) -> Vec<Value> {
    let page = client.get("/api/v1/me/pledges?limit=100").bearer(token).send().await.expect(200);
    page.body["data"].as_array().unwrap().clone()
}

fn ids(gifts: &[Value]) -> Vec<&str> {
    gifts.iter().map(|gift| gift["id"].as_str().unwrap()).collect()
}

/// A gift of somebody who names this address, without an account.
async fn give_as(client: &Client, campaign: &Campaign, email: &str) -> Pledge {
    let gift = changed(campaign.gift(1000), json!({ "donor_email": email }));
    let answer = promise(client, &new_key(), &gift).await.expect(201);
    Pledge { id: answer.text("id"), token: answer.text("guest_token") }
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_guest_gifts_join_once_the_address_is_proven() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let guest = give_as(&client, &campaign, ADA).await;
    give_as(&client, &campaign, "bob@example.org").await;
    let ada = sign_up_as(&client, ADA).await;
    let own = campaign.pledge_by(&client, &ada, 500).await;
    assert_eq!(ids(&history(&client, &ada).await), [own.id.as_str()], "not proven yet");

    let token = arrive(&server, ADA, 1).await[0].token();
    post(&server, "/api/v1/auth/verify-email", json!({ "token": token })).await.expect(204);
    let joined = history(&client, &ada).await;
    assert_eq!(ids(&joined), [own.id.as_str(), guest.id.as_str()], "newest first");
    assert_eq!(joined[1]["donor_email"], ADA);
    let later = give_as(&client, &campaign, ADA).await;
    assert_eq!(history(&client, &ada).await[0]["id"], later.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gift_is_shown_with_its_campaign_its_payment_and_what_was_refunded() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open_with(&client, json!({ "title": "Wells for Turkana" })).await;
    let ada = sign_up_as(&client, ADA).await;
    let pledge = campaign.pledge_by(&client, &ada, 1000).await;
    let before = history(&client, &ada).await.remove(0);
    assert_eq!(
        (&before["campaign_title"], &before["payment"]),
        (&json!("Wells for Turkana"), &json!(null))
    );
    let declined = json!({ "payment_method": "pm_declined" });
    pledge.pay_with(&client, &new_key(), declined).send().await.expect(402);
    let payment = pledge.pay(&client, "pm_success").await;
    pledge.becomes(&client, "completed").await;
    let paid = history(&client, &ada).await.remove(0);
    assert_eq!(
        paid["payment"],
        json!({ "id": payment.id, "status": "captured",
        "captured_minor": 1000, "refunded_minor": 0, "disputed_minor": 0 })
    );
    let refund = json!({ "refund_id": "re_1", "metadata": { "payment_id": payment.id } });
    payment.event("refund.succeeded").data(refund).amount(400).accepted(&client).await;
    eventually(PATIENCE, async || {
        let gift = history(&client, &ada).await.remove(0);
        gift["refunded_minor"] == 400 && gift["payment"]["refunded_minor"] == 400
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_magic_link_shows_what_its_address_has_given_and_opens_nothing_else() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let (first, second) =
        (give_as(&client, &campaign, ADA).await, give_as(&client, &campaign, ADA).await);
    let bobs = give_as(&client, &campaign, "bob@example.org").await;
    // somebody has an account with the address, which nobody has proven: not what was asked for
    let squatter = sign_up_as(&client, ADA).await;
    campaign.pledge_by(&client, &squatter, 500).await;

    let link = redeem_magic_link(&server, ADA, 2).await;
    assert_eq!(ids(&history(&client, &link).await), [second.id.as_str(), first.id.as_str()]);
    let other = redeem_magic_link(&server, "bob@example.org", 1).await;
    assert_eq!(ids(&history(&client, &other).await), [bobs.id.as_str()]);
    assert_eq!(history(&client, &squatter).await.len(), 1, "a link proves no account's address");

    for path in ["/api/v1/me", "/api/v1/api-keys", "/api/v1/me/sessions", "/api/v1/campaigns"] {
        client.get(path).bearer(&link).send().await.expect_problem(401, "unauthorized");
    }
    let pledge = format!("/api/v1/pledges/{}", first.id);
    client.get(&pledge).bearer(&link).send().await.expect_problem(401, "unauthorized");
    let cancel = client.post(&format!("{pledge}/cancel")).bearer(&link).idempotency_key(new_key());
    cancel.send().await.expect_problem(401, "unauthorized");
    for nobody in [first.token.as_str(), "nonsense"] {
        let refused = client.get("/api/v1/me/pledges").bearer(nobody).send().await;
        refused.expect_problem(401, "unauthorized");
    }
    client.get("/api/v1/me/pledges").send().await.expect_problem(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_as_they_are_while_gifts_are_made() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let ada = sign_up_as(&client, ADA).await;
    let token = arrive(&server, ADA, 1).await[0].token();
    post(&server, "/api/v1/auth/verify-email", json!({ "token": token })).await.expect(204);
    let mut made = Vec::new();
    for i in 0..7 {
        let gift = match i % 2 {
            0 => campaign.pledge_by(&client, &ada, 100).await,
            _ => give_as(&client, &campaign, ADA).await,
        };
        made.insert(0, gift.id);
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/me/pledges?limit=2".to_owned());
    loop {
        let page = client.get(&path).bearer(&ada).send().await.expect(200).body;
        seen.extend(ids(page["data"].as_array().unwrap()).into_iter().map(str::to_owned));
        campaign.pledge_by(&client, &ada, 100).await;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/me/pledges?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
    for bad in ["limit=0", "limit=101", "cursor=x"] {
        let refused = client.get(&format!("/api/v1/me/pledges?{bad}")).bearer(&ada).send().await;
        assert_eq!(refused.status, 400, "{bad}");
    }
}

/// A page at any depth is read by an index, each kind of gift by its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_deep_page_reads_no_more_than_the_first() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let gift = give_as(&client, &campaign, ADA).await;
    let sql = server.database().client().await;
    let many = "INSERT INTO pledge.pledges (id, campaign_id, status, amount_minor, currency,
             donor_email, donor_hash, anonymous, created_at, updated_at)
         SELECT gen_random_uuid(), campaign_id, status, amount_minor, currency,
             CASE WHEN n % 2 = 0 THEN donor_email ELSE n || '@example.org' END, donor_hash,
             anonymous, created_at, updated_at
         FROM pledge.pledges, generate_series(1, 20000) n WHERE id::text = $1";
    sql.execute(many, &[&gift.id]).await.unwrap();
    sql.batch_execute("ANALYZE pledge.pledges").await.unwrap();
    for after in ["ffffffff-0000-0000-0000-000000000000", "00400000-0000-0000-0000-000000000000"] {
        let plan = format!(
            "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM pledge.pledges
             WHERE donor_email = '{ADA}' AND user_id IS NULL AND id < '{after}'
             ORDER BY id DESC LIMIT 21"
        );
        let rows = sql.query(&plan, &[]).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = lines.join("\n");
        let hit = plan.split_once("shared hit=").unwrap().1;
        let hit: String = hit.chars().take_while(char::is_ascii_digit).collect();
        assert!(hit.parse::<i64>().unwrap() < 60 && plan.contains("pledges_guest"), "{plan}");
    }
}
