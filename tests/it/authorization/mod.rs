//! Who may do what: every route for every kind of caller, from one table, `matrix.txt`.
//!
//! The requests are made so that they change nothing, whoever sends them (but a key or a session of
//! its own each is ended by its user): whoever is let in is
//! answered with 200, or with what is wrong with the request (400, 404, 409, 422, 428).

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    auth::{self, PASSWORD, api_keys},
    support::{
        Client, Server,
        donation::{
            self, Campaign, Pledge, changed, new_email, new_key, promise, sign_up, sign_up_admin,
            sign_up_as,
        },
        mail::redeem_magic_link,
    },
};

const MATRIX: &str = include_str!("matrix.txt");

const CALLERS: [&str; 13] = [
    "anonymous",
    "guest",
    "other guest",
    "user",
    "other user",
    "owner",
    "admin",
    "key",
    "administrator's key",
    "suspended user",
    "magic link",
    "expired",
    "tampered",
];

/// A key of the test's own, to sign what has expired.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEICtAGs0ZzIhILM26kLDEYLfA/OY81Y/u27YCXJUYhNa1\n\
                   -----END PRIVATE KEY-----\n";

const NOBODYS: &str = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";

/// Method, path with names of things in braces, and a status for each caller.
fn rows() -> Vec<(Method, &'static str, Vec<u16>)> {
    let lines = MATRIX.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut words = line.split_whitespace();
        let method = words.next().unwrap().parse().unwrap();
        (method, words.next().unwrap(), words.map(|word| word.parse().unwrap()).collect())
    };
    lines.map(row).collect()
}

/// The path with `{}` for each part that varies.
fn pattern(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What administrators may do to what is not theirs, and other users may not: each as `POST /path`.
pub fn acts_of_administrators() -> BTreeSet<String> {
    let column = |caller| CALLERS.iter().position(|own| *own == caller).unwrap();
    let (other, admin) = (column("other user"), column("admin"));
    let refused = |status| matches!(status, 401 | 403 | 404);
    rows()
        .iter()
        .filter(|(method, _, row)| {
            *method != Method::GET && refused(row[other]) && !refused(row[admin])
        })
        .map(|(method, path, _)| format!("{method} {}", pattern(path)))
        .collect()
}

#[test]
fn the_matrix_has_every_route_and_no_other() {
    let document = serde_json::to_value(careforall::app::document(true).unwrap()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "patch", "put", "delete"] {
            if item.get(method).is_some() {
                routes.insert(format!("{} {}", method.to_uppercase(), pattern(path)));
            }
        }
    }
    let listed: BTreeSet<String> =
        rows().iter().map(|(method, path, _)| format!("{method} {}", pattern(path))).collect();
    let missing: Vec<_> = routes.difference(&listed).collect();
    assert!(missing.is_empty(), "not in matrix.txt: {missing:#?}");
    let gone: Vec<_> = listed.difference(&routes).collect();
    assert!(gone.is_empty(), "in matrix.txt, but no route: {gone:#?}");
    assert!(rows().iter().all(|(_, _, row)| row.len() == CALLERS.len()), "a status per caller");
}

struct World {
    server: Server,
    client: Client,
    /// In the order of [`CALLERS`].
    tokens: [Option<String>; 13],
    things: Vec<(&'static str, String)>,
    /// Of the "user".
    email: String,
}

impl World {
    async fn new() -> Self {
        let server = donation::builder().env("CAREFORALL_AUTH__SIGNING_KEY", PEM).start().await;
        let client = server.client();
        let campaign = Campaign::open(&client).await;
        let draft = client.post("/api/v1/campaigns").bearer(&campaign.owner).json(json!({
            "title": "Wells", "description": "Water.", "goal_minor": 100, "currency": "USD"
        }));
        let draft = draft.send().await.expect(201).text("id");
        let email = new_email();
        let (user, other) = (sign_up_as(&client, &email).await, sign_up(&client).await);
        let admin = sign_up_admin(&client, &server.database().url()).await;
        let gift = campaign.gift(100);
        let answer = promise(&client, &new_key(), &gift).await.expect(201);
        let guest = Pledge { id: answer.text("id"), token: answer.text("guest_token") };
        let other_guest = campaign.pledge(&client, 100).await;
        let users = campaign.pledge_by(&client, &user, 100).await;
        let (payment, users_payment) =
            (guest.pay(&client, "pm_success").await, users.pay(&client, "pm_success").await);
        guest.becomes(&client, "completed").await;
        users.becomes(&client, "completed").await;
        // its acts all come too late
        campaign.act(&client, "end").await;
        let things = vec![
            ("ended", campaign.id),
            ("draft", draft),
            ("guests_pledge", guest.id),
            ("users_pledge", users.id),
            ("guests_payment", payment.id),
            ("users_payment", users_payment.id),
            ("nobodys", NOBODYS.to_owned()),
            ("number", "1".to_owned()),
            ("account_number", "000000000000".to_owned()),
            ("sandbox_payment", payment.provider_payment_id),
            ("dispute", "dp_nobodys".to_owned()),
            ("provider", "sandbox".to_owned()),
            ("code", "not-found".to_owned()),
        ];
        let key = api_keys::create(&server, &user).await;
        let admins_key = api_keys::create(&server, &admin).await;
        let suspended = suspended(&client, &admin).await;
        let magic_link = redeem_magic_link(&server, gift["donor_email"].as_str().unwrap(), 1).await;
        let (expired, tampered) = (expired(&user), tampered(&user, &admin));
        let tokens = [
            None,
            Some(guest.token),
            Some(other_guest.token),
            Some(user),
            Some(other),
            Some(campaign.owner),
            Some(admin),
            Some(key),
            Some(admins_key),
            Some(suspended),
            Some(magic_link),
            Some(expired),
            Some(tampered),
        ];
        Self { server, client, tokens, things, email }
    }

    /// The status for each caller.
    async fn statuses(&self, method: &Method, path: &str) -> Vec<u16> {
        let named = |path: String, (name, value): &(&str, String)| {
            path.replace(&format!("{{{name}}}"), value)
        };
        let filled = self.things.iter().fold(path.to_owned(), named);
        let mut statuses = Vec::new();
        for token in &self.tokens {
            let filled = self.with_new_things(&filled).await;
            assert!(!filled.contains('{'), "{filled}: nothing has this name");
            let mut request = self.client.request(method.clone(), &filled);
            if let Some(token) = token {
                request = request.bearer(token);
            }
            if *method != Method::GET {
                request = request.idempotency_key(new_key()).json(self.body(path));
            }
            statuses.push(request.send().await.status);
        }
        statuses
    }

    /// A key and a session of the user that nobody has ended yet, where the path speaks of them.
    async fn with_new_things(&self, path: &str) -> String {
        let session = async || {
            let login = json!({ "email": self.email, "password": PASSWORD });
            auth::post(&self.server, "/api/v1/auth/login", login).await.expect(200)
        };
        if path.contains("{users_key}") {
            let request = self.client.post("/api/v1/api-keys").json(json!({ "name": "x" }));
            let key = request.bearer(session().await.text("access_token")).send().await;
            return path.replace("{users_key}", &key.expect(201).text("id"));
        }
        if path.contains("{users_session}") {
            let access = session().await.text("access_token");
            let claims: Value = decoded(parts(&access).1);
            return path.replace("{users_session}", claims["sid"].as_str().unwrap());
        }
        path.to_owned()
    }

    /// In order, where an empty one would be refused before the caller is judged.
    fn body(&self, path: &str) -> Value {
        let thing = |name| &self.things.iter().find(|(own, _)| *own == name).unwrap().1;
        match path {
            "/api/v1/payments" => json!({ "pledge_id": thing("guests_pledge") }),
            "/api/v1/payments/{guests_payment}/refunds" => json!({ "amount_minor": 1_000 }),
            _ => json!({}),
        }
    }
}

/// The token of somebody who was suspended with it in hand.
async fn suspended(client: &Client, admin: &str) -> String {
    let token = sign_up(client).await;
    let me = client.get("/api/v1/me").bearer(&token).send().await.expect(200).text("id");
    let act = client.post(&format!("/api/v1/admin/users/{me}/suspend")).bearer(admin);
    act.json(json!({ "reason": "a test" })).send().await.expect(200);
    token
}

/// The same token, an hour older than it may be, under the key of the server.
fn expired(token: &str) -> String {
    let (header, claims, _) = parts(token);
    let (header, claims): (Value, Value) = (decoded(header), decoded(claims));
    let mut head = Header::new(Algorithm::EdDSA);
    head.kid = Some(header["kid"].as_str().unwrap().to_owned());
    head.typ = header["typ"].as_str().map(str::to_owned);
    let past = claims["iat"].as_i64().unwrap() - 3_600;
    let claims = changed(claims, json!({ "iat": past, "exp": past + 900 }));
    encode(&head, &claims, &EncodingKey::from_ed_pem(PEM.as_bytes()).unwrap()).unwrap()
}

/// The claims of one token under the signature of another.
fn tampered(signed: &str, claimed: &str) -> String {
    let ((header, _, signature), (_, claims, _)) = (parts(signed), parts(claimed));
    format!("{header}.{claims}.{signature}")
}

fn parts(token: &str) -> (&str, &str, &str) {
    let mut parts = token.split('.');
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_every_caller_as_the_matrix_says() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (method, path, expected) in rows() {
        let found = world.statuses(&method, path).await;
        if found != expected {
            let words: Vec<_> = found.iter().map(ToString::to_string).collect();
            wrong.push(format!("{method} {path} {}", words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "for {CALLERS:?}, answered were\n{}", wrong.join("\n"));
}
