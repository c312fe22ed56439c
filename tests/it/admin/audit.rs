//! Every act of an administrator leaves one row of the audit log, and nothing else leaves any.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, id_of};
use crate::{
    authorization::acts_of_administrators,
    support::{
        CAREFORALL,
        donation::{Campaign, PATIENCE, Payment, has, new_key, plan_fault, sign_up, sign_up_admin},
        eventually,
    },
};

/// An administrator who does one thing after the other.
struct Walk {
    world: World,
    me: String,
    /// What the document says of the log: it names every action.
    described: String,
    done: BTreeSet<String>,
}

impl Walk {
    async fn new() -> Self {
        let world = World::new().await;
        let me = id_of(&world.client, &world.admin).await;
        let document = serde_json::to_value(careforall::app::document(true).unwrap()).unwrap();
        let described = document["paths"]["/api/v1/admin/audit-log"]["get"]["description"].as_str();
        let described = described.unwrap().to_owned();
        Self { world, me, described, done: BTreeSet::new() }
    }

    async fn rows(&self) -> i64 {
        self.world.books.count("bus.audit_log").await
    }

    /// Does it to the thing with this id, and expects one row of this action; returns the row.
    async fn post(&mut self, action: &str, path: &str, id: &str, body: Value) -> Value {
        self.act(Method::POST, action, (path, id), body).await
    }

    async fn act(
        &mut self,
        method: Method,
        action: &str,
        (path, id): (&str, &str),
        body: Value,
    ) -> Value {
        let (before, key) = (self.rows().await, new_key());
        let request = || {
            let path = format!("/api/v1{}", path.replace("{}", id));
            let request =
                self.world.client.request(method.clone(), &path).bearer(&self.world.admin);
            let request = request.idempotency_key(&key).header("if-match", "*");
            request.header("x-request-id", format!("{action}-{before}")).json(&body).send()
        };
        let answer = request().await;
        assert!((200..300).contains(&answer.status), "{action}: {:#}", answer.body);
        assert_eq!(self.rows().await, before + 1, "{action}");
        if path.starts_with("/payments/") {
            assert_eq!(request().await.header("idempotent-replayed"), Some("true"), "{action}");
            assert_eq!(self.rows().await, before + 1, "{action}, once more under its key");
        }
        let row = self.world.last_act().await;
        assert_eq!((&row["action"], &row["actor_id"]), (&json!(action), &json!(self.me)), "{row}");
        assert_eq!(row["request_id"], format!("{action}-{before}"));
        self.expect_described(action);
        let told = body["reason"].as_str().unwrap_or("none given");
        assert!(row["reason"] == told || action == "totals.refresh", "{row}");
        assert!(id.is_empty() || row["target_id"] == id, "{row}");
        self.done.insert(format!("{method} /api/v1{path}"));
        row
    }

    fn expect_described(&self, action: &str) {
        assert!(self.described.contains(&format!("`{action}`")), "{action} is not in the document");
    }

    /// 100.00 USD set aside.
    async fn held(&self) -> Payment {
        let client = &self.world.client;
        let pledge = self.world.campaign.pledge(client, 10_000).await;
        let with = json!({ "payment_method": "pm_success", "capture_method": "manual" });
        let payment = pledge.made(pledge.pay_with(client, &new_key(), with).send().await);
        payment.becomes(client, "authorized").await;
        payment
    }

    async fn people(&mut self) {
        let user = id_of(&self.world.client, &sign_up(&self.world.client).await).await;
        let why = json!({ "reason": "because" });
        let role = json!({ "role": "donor", "reason": "because" });
        self.post("user.role", "/admin/users/{}/role", &user, role).await;
        self.post("user.suspend", "/admin/users/{}/suspend", &user, why.clone()).await;
        self.post("user.unsuspend", "/admin/users/{}/unsuspend", &user, why).await;
    }

    async fn money(&mut self) {
        let (captured, cancelled) = (self.held().await.id, self.held().await.id);
        let row = self.post("payment.capture", "/payments/{}/capture", &captured, json!({})).await;
        assert!(has(&row["before"], &json!({ "status": "authorized", "captured_minor": 0 })));
        assert_eq!(row["after"], json!({ "asked_for": "capture" }));
        let row = self.post("payment.cancel", "/payments/{}/cancel", &cancelled, json!({})).await;
        assert_eq!(row["after"], json!({ "asked_for": "cancel" }));

        let order = json!({ "amount_minor": 2500, "reason": "asked for by the donor" });
        let row = self.post("payment.refund", "/payments/{}/refunds", &captured, order).await;
        assert!(has(&row["before"], &json!({ "available_minor": 10_000, "refunded_minor": 0 })));
        let expected = json!({ "amount_minor": 2500, "available_minor": 7500 });
        assert!(has(&row["after"], &expected), "{row}");
        // all that is left, for no reason
        let row = self.post("payment.refund", "/payments/{}/refunds", &captured, json!({})).await;
        assert_eq!(row["after"]["amount_minor"], 7500);
    }

    async fn campaigns(&mut self) {
        let id = Campaign::draft(&self.world.client, json!({})).await.id;
        let act = |act| format!("/campaigns/{{}}/{act}");
        let nothing = json!({});
        self.post("campaign.publish", &act("publish"), &id, nothing.clone()).await;
        let changes =
            json!({ "title": "Wells for all", "goal_minor": 100_000, "category": "water" });
        let path = ("/campaigns/{}", id.as_str());
        let row = self.act(Method::PATCH, "campaign.update", path, changes).await;
        let told = [
            json!({ "title": "Wells", "category": null, "version": 2 }),
            json!({ "title": "Wells for all", "category": "water", "version": 3 }),
        ];
        assert_eq!([&row["before"], &row["after"]], [&told[0], &told[1]]);
        let row = self.post("campaign.pause", &act("pause"), &id, nothing.clone()).await;
        let told = [&row["before"]["status"], &row["after"]["status"]];
        assert_eq!(told, [&json!("active"), &json!("paused")]);
        self.post("campaign.resume", &act("resume"), &id, nothing.clone()).await;
        self.post("campaign.end", &act("end"), &id, nothing.clone()).await;

        let (id, why) = (self.world.campaign.id.clone(), json!({ "reason": "because" }));
        let act = |act| format!("/admin/campaigns/{{}}/{act}");
        self.post("campaign.suspend", &act("suspend"), &id, why.clone()).await;
        self.post("campaign.unsuspend", &act("unsuspend"), &id, why.clone()).await;
        self.post("campaign.cancel", "/campaigns/{}/cancel", &id, nothing).await;
        self.post("campaign.refund_all", &act("refund-all"), &id, why).await;
    }

    async fn inbox(&mut self) {
        let books = &self.world.books;
        books
            .execute(
                "INSERT INTO payment.webhook_inbox (provider, event_id, event_type, body, body_hash,
                        status, reason, received_at)
                 VALUES ('sandbox', 'planted', 'payment.captured', '', '', 'quarantined',
                         'planted', now())",
            )
            .await;
        books
            .execute(
                "INSERT INTO bus.parked_event (id, consumer, partition, aggregate_id, seq, event_id,
                        aggregate_version, type, payload, created_at, state)
                 SELECT gen_random_uuid(), 'totals', partition, aggregate_id, seq, event_id,
                        aggregate_version, type, payload, created_at, 'dead'
                   FROM bus.event_log WHERE type = 'payment.changed.v1' ORDER BY seq LIMIT 1",
            )
            .await;
        let why = json!({ "reason": "because" });
        let webhooks = self.world.get("/admin/webhook-events?status=quarantined").await.body;
        let id = webhooks["data"][0]["id"].to_string();
        let path = "/admin/webhook-events/{}/replay";
        self.post("webhook.replay", path, &id, why.clone()).await;
        let letters = self.world.get("/admin/dead-letters").await.expect(200).body;
        let id = letters["data"][0]["id"].as_str().unwrap();
        self.post("dead_letter.replay", "/admin/dead-letters/{}/replay", id, why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_of_an_administrator_leaves_one_row_and_no_route_forgets_it() {
    let mut walk = Walk::new().await;
    walk.post("totals.refresh", "/totals/refresh", "", json!({})).await;
    walk.people().await;
    walk.money().await;
    walk.world.books.balance().await;
    walk.inbox().await;
    walk.campaigns().await;
    assert_eq!(walk.done, acts_of_administrators());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_done_by_its_owner_leaves_no_row() {
    let walk = Walk::new().await;
    let (client, admin) = (&walk.world.client, &walk.world.admin);
    let payment = walk.world.gift().await;
    let refund = payment.refund(client, admin, 10_001).send().await;
    refund.expect_problem(422, "refund-exceeds-available");
    for act in ["capture", "cancel"] {
        let refused = payment.act(client, admin, &new_key(), act).send().await;
        refused.expect_problem(409, "invalid-transition");
    }
    let campaign = &walk.world.campaign;
    let resume = client.post(&format!("{}/resume", campaign.path())).bearer(admin);
    resume.send().await.expect_problem(409, "invalid-transition");
    let revise = |changes| client.patch(&campaign.path()).bearer(admin).if_match(2).json(changes);
    revise(json!({ "currency": "EUR" })).send().await.expect_problem(409, "invalid-transition");
    // nothing changes
    revise(json!({ "title": "Wells" })).send().await.expect(200);
    campaign.act(client, "pause").await;
    campaign.revise(client, json!({ "title": "Deeper wells" })).await;
    let own = json!({ "title": "Roofs", "description": "", "goal_minor": 1, "currency": "USD" });
    let own = client.post("/api/v1/campaigns").bearer(admin).json(own).send().await.expect(201);
    let own = Campaign { id: own.text("id"), owner: admin.clone() };
    own.act(client, "publish").await;
    assert_eq!(walk.rows().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_whose_answer_was_lost_is_in_the_log_once() {
    let walk = Walk::new().await;
    let (client, admin) = (&walk.world.client, &walk.world.admin);
    let payment = walk.held().await;
    for (act, fault) in [("capture", "capture"), ("refunds", "refund")] {
        let (before, key) = (walk.rows().await, new_key());
        plan_fault(client, fault, "fail", 1, 0).await;
        let request = || payment.act(client, admin, &key, act).json(json!({})).send();
        request().await.expect_problem(503, "provider-unavailable");
        assert_eq!(walk.rows().await, before + 1, "{act}");
        let again = request().await;
        assert!(again.status < 300, "{act}: {:#}", again.body);
        assert_eq!(walk.rows().await, before + 1, "{act}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_leaves_rows_without_an_actor() {
    let walk = Walk::new().await;
    let (server, books) = (&walk.world.server, &walk.world.books);
    let command = |arguments: &[&str]| {
        let mut command = Command::new(CAREFORALL);
        command.args(arguments).env("DATABASE_URL", server.database().url());
        let command = command.current_dir(server.directory()).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"correct horse battery staple\n").unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    };
    let first = "SELECT id FROM auth.signing_keys";
    let first: String = books.sql.query_one(first, &[]).await.unwrap().get(0);
    command(&["admin", "create", "--email", "root@example.org"]);
    command(&["keys", "rotate", "--hurry"]);
    books.execute("UPDATE auth.signing_keys SET signs_from = now() WHERE signs_from > now()").await;
    command(&["keys", "revoke", &first]);

    // what the revoked key has signed is refused once the server has heard of it
    let log = eventually(PATIENCE, async || {
        let admin = sign_up_admin(&server.client(), &server.database().url()).await;
        let request = server.client().get("/api/v1/admin/audit-log").bearer(&admin);
        let answer = request.send().await;
        (answer.status == 200).then_some(answer.body)
    })
    .await;
    let rows: Vec<_> = log["data"].as_array().unwrap().iter().rev().collect();
    let told = |row: &Value| {
        assert!(row["actor_id"].is_null() && row["request_id"].is_null(), "{row}");
        (row["action"].as_str().unwrap().to_owned(), row["reason"].as_str().unwrap().to_owned())
    };
    let told: Vec<_> = rows.iter().map(|row| told(row)).collect();
    let expected = [
        ("user.create", "careforall admin create"),
        ("signing_key.rotate", "careforall keys rotate --hurry"),
        ("signing_key.revoke", "careforall keys revoke"),
    ];
    for (action, _) in expected {
        walk.expect_described(action);
    }
    assert_eq!(told, expected.map(|(action, why)| (action.to_owned(), why.to_owned())));
    assert_eq!(rows[0]["after"], json!({ "role": "admin", "version": 1 }));
    assert_eq!(rows[2]["target_id"], json!(first));
    assert!(!log.to_string().contains("root@example.org"), "no address is in the log");
}
