//! A Stripe of the tests' own: it speaks the published shape of the API, keeps the answers to
//! idempotency keys, lists by pages, and goes wrong where it is told to.

mod form;
mod list;
mod world;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use futures_util::stream;
use serde_json::{Value, json};

pub use form::Fields;
pub use world::World;

/// A key of test mode that the fake knows, and a webhook secret of its endpoint.
pub const KEY: &str = "sk_test_careforall1";
pub const SECRET: &str = "whsec_of_the_endpoint_1";

/// Status and body.
pub type Answer = (u16, Value);

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answered so, with this header, and nothing is done.
    Refuse(u16, &'static str, &'static str),
    /// Answered 500, and the key keeps that answer.
    Keep500,
    /// All is done, and the answer breaks off.
    LoseAnswer,
    /// All is done, and no answer ever comes.
    Hang,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `POST payment_intents/pi_1/cancel`
    pub line: String,
    pub fields: Fields,
    pub key: Option<String>,
}

#[derive(Default)]
struct State {
    world: Mutex<World>,
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<Vec<(String, Fault)>>,
}

pub struct FakeStripe {
    state: Arc<State>,
    base: String,
    server: ServerHandle,
}

impl FakeStripe {
    pub fn start() -> Self {
        let state = Arc::new(State::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::from(state.clone());
        let app = move || App::new().app_data(data.clone()).route("/v1/{path:.*}", web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap();
        let server = server.shutdown_timeout(0).run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { state, base, server: handle }
    }

    /// Without `/v1`.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.state.world.lock().unwrap()
    }

    /// Goes wrong the next time that such a line is asked.
    pub fn plan(&self, line: &str, fault: Fault) {
        self.state.faults.lock().unwrap().push((line.to_owned(), fault));
    }

    /// All that was asked with this beginning.
    pub fn asked(&self, line: &str) -> Vec<Asked> {
        let asked = self.state.asked.lock().unwrap();
        asked.iter().filter(|one| one.line.starts_with(line)).cloned().collect()
    }

    /// The newest event of a type.
    pub fn said(&self, event_type: &str) -> Value {
        let world = self.world();
        let found = world.events.iter().rev().find(|event| event["type"] == event_type);
        found.unwrap_or_else(|| panic!("no {event_type}")).clone()
    }
}

impl Drop for FakeStripe {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

pub fn refuse(status: u16, code: &str, message: &str) -> Answer {
    let kind = "invalid_request_error";
    (status, json!({ "error": { "type": kind, "code": code, "message": message } }))
}

async fn answer(state: web::Data<State>, request: HttpRequest, body: String) -> HttpResponse {
    let header = |name: &str| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
    if header("authorization") != Some(format!("Bearer {KEY}")) {
        let message = format!("Invalid API Key provided: {:?}", header("authorization"));
        return respond((401, json!({ "error": { "message": message } })), false);
    }
    assert!(header("stripe-version").is_some(), "a version is named");
    let (method, path) = (request.method().as_str(), request.match_info().query("path"));
    let get = method == "GET";
    let fields = Fields::read(if get { request.query_string() } else { &body });
    let (line, key) = (format!("{method} {path}"), header("idempotency-key"));
    let asked = Asked { line: line.clone(), fields: fields.clone(), key: key.clone() };
    state.asked.lock().unwrap().push(asked);
    let fault = take_fault(&state, &line);
    if let Some(Fault::Refuse(status, name, value)) = fault {
        let (status, body) = refuse(status, "lock_timeout", "come again");
        let mut response = HttpResponse::build(status.try_into().unwrap());
        return response.insert_header((name, value)).json(body);
    }
    let (outcome, replayed) = {
        let mut world = state.world.lock().unwrap();
        once(&mut world, method, path, &fields, key, matches!(fault, Some(Fault::Keep500)))
    };
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::LoseAnswer) => {
            let broken =
                stream::once(async { Err::<web::Bytes, _>(std::io::Error::other("lost")) });
            HttpResponse::Ok().streaming(broken)
        }
        _ => respond(outcome, replayed),
    }
}

fn take_fault(state: &State, line: &str) -> Option<Fault> {
    let mut faults = state.faults.lock().unwrap();
    let at = faults.iter().position(|(planned, _)| planned == line)?;
    Some(faults.remove(at).1)
}

/// Does it, or tells again what came of it when it was done.
fn once(
    world: &mut World,
    method: &str,
    path: &str,
    fields: &Fields,
    key: Option<String>,
    fail: bool,
) -> (Answer, bool) {
    let request = format!("{method} {path} {:?}", fields.0);
    if let Some((first, answer)) = key.as_ref().and_then(|key| world.kept.get(key)) {
        if *first != request {
            let message = "Keys for idempotent requests can only be used with the same parameters";
            let error = json!({ "type": "idempotency_error", "message": message });
            return ((400, json!({ "error": error })), false);
        }
        return (answer.clone(), true);
    }
    let path: Vec<&str> = path.split('/').collect();
    let answer = if fail {
        (500, json!({ "error": { "type": "api_error", "message": "An error occurred" } }))
    } else {
        world.dispatch(method, &path, fields)
    };
    if let Some(key) = key {
        world.kept.insert(key, (request, answer.clone()));
    }
    (answer, false)
}

fn respond((status, body): Answer, replayed: bool) -> HttpResponse {
    let mut response = HttpResponse::build(status.try_into().unwrap());
    response.insert_header(("request-id", "req_1"));
    if replayed {
        response.insert_header(("idempotent-replayed", "true"));
    }
    response.json(body)
}
