//! The HTTP server: every module's routes behind the one edge.

use std::{net::TcpListener, time::Duration};

use actix_web::{
    App, HttpResponse,
    dev::ServerHandle,
    guard::Get,
    http::header::{ContentType, LOCATION},
    middleware::{Condition, from_fn},
    web,
};
use utoipa_swagger_ui::{Config as Docs, SwaggerUi};

use super::{openapi, services::Services};
use crate::{
    config::Config,
    modules::auth::api::identify,
    platform::http::{
        KnownRoutes, Origins, ReadTimeout, Serving, TrustedProxies, cors, edge, limit, not_found,
        serve,
    },
};

/// What can be read without being in the document.
const PAGES: [&str; 4] = ["/openapi.json", "/docs", "/docs/", "/docs/{file}"];

/// Starts the workers.
pub fn start(
    config: &Config,
    services: &Services,
    listener: TcpListener,
) -> anyhow::Result<ServerHandle> {
    let document = openapi::document(services.sandbox.is_some())?;
    let routes = web::Data::new(KnownRoutes::of(&document, &PAGES));
    // its text, for all workers: as objects it takes megabytes in each of them
    let text = web::Data::new(Document(document.to_json()?.into()));
    drop(document);
    let services = services.clone();
    let proxies = TrustedProxies(config.http.trusted_proxies.clone().into());
    let patience = Duration::from_secs(config.http.read_timeout_seconds.get().into());
    let origins = Origins(config.http.cors_origins.clone().into());
    let how = Serving {
        workers: config.http.workers.get(),
        max_connections: config.http.max_connections.get(),
        patience,
    };
    let application = move || {
        let mut app = App::new()
            // outermost last: the edge sees all
            .wrap(Condition::new(services.limiter.is_some(), from_fn(limit)))
            .wrap(from_fn(identify))
            .wrap(Condition::new(!origins.0.is_empty(), from_fn(cors)))
            .wrap(from_fn(edge))
            .app_data(routes.clone())
            .app_data(text.clone())
            .app_data(ReadTimeout(patience))
            .app_data(proxies.clone())
            .app_data(origins.clone())
            .app_data(web::Data::new(services.health.clone()))
            .app_data(web::Data::new(services.auth.clone()))
            .app_data(web::Data::new(services.campaigns.clone()))
            .app_data(web::Data::new(services.pledges.clone()))
            .app_data(web::Data::new(services.payments.clone()))
            .app_data(web::Data::new(services.totals.clone()))
            .app_data(web::Data::new(services.admin.clone()))
            .app_data(web::Data::new(services.door.clone()));
        if let Some(limiter) = &services.limiter {
            app = app.app_data(limiter.clone());
        }
        if let Some(bank) = &services.sandbox {
            app = app.app_data(web::Data::new(bank.clone()));
        }
        app.configure(|config| openapi::mount(config, services.sandbox.is_some()))
            .route("/docs", web::get().to(redirect_to_docs))
            .service(web::resource("/openapi.json").guard(Get()).to(show_document))
            .service(SwaggerUi::new("/docs/{_:.*}").config(Docs::from("/openapi.json")))
            .default_service(web::to(not_found))
    };
    Ok(serve(listener, how, application)?)
}

/// The OpenAPI document as JSON.
struct Document(web::Bytes);

async fn show_document(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}

async fn redirect_to_docs() -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((LOCATION, "/docs/")).finish()
}
