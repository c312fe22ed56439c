//! The yardstick for the benchmarks: an actix server that does nothing but answer.
//!
//! `cargo run --release --example empty_handler -- 127.0.0.1:8090`

use actix_web::{App, HttpResponse, HttpServer, web};

const BODY: &str = r#"{"status":"accepted","id":"01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f"}"#;

async fn answer() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(BODY)
}

/// Reads what was sent: a body that is left unread costs the connection.
async fn take(_body: web::Bytes) -> HttpResponse {
    answer().await
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let app = || App::new().route("/", web::get().to(answer)).route("/", web::post().to(take));
    HttpServer::new(app).bind(address)?.run().await
}
