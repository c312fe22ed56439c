//! A bank in a database of its own, and a receiver for its webhooks.

use std::{collections::VecDeque, net::TcpListener, sync::Mutex, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use careforall::{
    kernel::ids::PaymentId,
    modules::{
        payment::api::{CaptureMethod, CreateAnswer, CreateRequest, Created, Provider},
        sandbox::{DeliveryWorker, Method, Pace, SandboxBank, SandboxProvider},
    },
    platform::postgres::Database,
};
use secrecy::SecretString;
use serde_json::Value;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::support::{TestDatabase, eventually};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A webhook as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub headers: actix_web::http::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Arrival {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
    }
}

/// What the receiver has got, and what it will answer: 200 unless told.
#[derive(Default)]
pub struct Receiver {
    pub arrivals: Mutex<Vec<Arrival>>,
    pub answers: Mutex<VecDeque<u16>>,
}

/// The receiver hangs instead of answering.
pub const HANG: u16 = 0;

async fn receive(
    receiver: web::Data<Receiver>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let answered = receiver.answers.lock().unwrap().pop_front().unwrap_or(200);
    let (headers, body) = (request.headers().clone(), body.to_vec());
    receiver.arrivals.lock().unwrap().push(Arrival { headers, body });
    if answered == HANG {
        std::future::pending::<()>().await;
    }
    HttpResponse::build(answered.try_into().unwrap()).finish()
}

pub struct World {
    pub bank: SandboxBank,
    pub provider: SandboxProvider,
    pub receiver: web::Data<Receiver>,
    pub sql: Client,
    server: ServerHandle,
    _database: TestDatabase,
}

/// A worker at work.
pub struct Worker {
    pub token: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Worker {
    pub async fn stop(self) {
        self.token.cancel();
        self.task.await.unwrap();
    }
}

impl World {
    pub async fn new() -> Self {
        let own = TestDatabase::new().await;
        let receiver = web::Data::new(Receiver::default());
        let shared = receiver.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).route("/hooks", web::post().to(receive))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        let database = Database::new(&own.url(), 12, Handle::current()).unwrap();
        // a hundred payments at once take their turns
        let database = database.waiting(Duration::from_secs(20));
        let secrets = [SecretString::from(SECRET)];
        let bank = SandboxBank::new(database, &secrets, &url, &Handle::current()).unwrap();
        let provider = SandboxProvider::new(bank.clone());
        let sql = own.client().await;
        Self { bank, provider, receiver, sql, server: handle, _database: own }
    }

    /// With a worker that delivers.
    pub async fn at_work() -> (Self, Worker) {
        let world = Self::new().await;
        let worker = world.worker(Pace::default());
        (world, worker)
    }

    pub fn worker(&self, pace: Pace) -> Worker {
        let worker = DeliveryWorker::new(self.bank.clone(), pace).unwrap();
        let token = CancellationToken::new();
        let running = token.clone();
        Worker { token, task: tokio::spawn(async move { worker.run(running).await }) }
    }

    pub fn answers(&self, statuses: &[u16]) {
        self.receiver.answers.lock().unwrap().extend(statuses);
    }

    /// Makes a payment and confirms it.
    pub async fn pay(&self, method: &str) -> String {
        let id = self.make(&request(None)).await;
        self.bank.confirm(&id, &self::method(method)).await.unwrap();
        id
    }

    pub async fn make(&self, request: &CreateRequest) -> String {
        let key = format!("pay_{}", request.payment_id);
        created(self.provider.create(request, &key).await.unwrap()).provider_payment_id
    }

    /// Waits until nothing is left to be said, and returns all that arrived.
    pub async fn all_said(&self) -> Vec<Arrival> {
        let left = "SELECT count(*) FROM sandbox.events WHERE delivered_at IS NULL AND copies > 0";
        eventually(PATIENCE, || async {
            self.sql.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
        self.arrivals()
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.receiver.arrivals.lock().unwrap().clone()
    }

    pub async fn arrived(&self, n: usize) -> Vec<Arrival> {
        eventually(PATIENCE, || async { self.arrivals().len() >= n }).await;
        self.arrivals()
    }

    pub async fn count(&self, sql: &str) -> i64 {
        self.sql.query_one(sql, &[]).await.unwrap().get(0)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // the handle acts when it is called; the future only waits
        drop(self.server.stop(false));
    }
}

pub fn method(text: &str) -> Method {
    text.parse().unwrap()
}

pub fn request(payment_method: Option<&str>) -> CreateRequest {
    CreateRequest {
        payment_id: PaymentId::generate(),
        amount_minor: 2500,
        currency: "USD".parse().unwrap(),
        capture_method: CaptureMethod::Automatic,
        payment_method: payment_method.map(str::to_owned),
        trace_context: None,
    }
}

pub fn created(answer: CreateAnswer) -> Created {
    match answer {
        CreateAnswer::Created(created) | CreateAnswer::Declined { created, .. } => created,
    }
}

/// The types of what arrived, in order of arrival.
pub fn types(arrivals: &[Arrival]) -> Vec<String> {
    arrivals.iter().map(|a| a.text("/type")).collect()
}
