//! The server of connections: what `actix_web::HttpServer` does, over connections whose other side
//! has to read ([`Departing`]).

use std::{fmt, future::ready, io, net::TcpListener, time::Duration};

use actix_http::{HttpService, Protocol, Request, Response, error::DispatchError};
use actix_server::{Server, ServerHandle};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::{Error, body::MessageBody, dev::AppConfig};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::departure::Departing;

/// Requests under way get this long to finish.
const SHUTDOWN_SECONDS: u64 = 25;

/// A connection that asks for nothing more is kept for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What the kernel may hold of a connection's answers (Linux doubles it). Left to itself it takes
/// megabytes where the other side is near: then we would not notice that nobody reads, and room
/// would come up in lumps that a slow reader needs long for.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// How connections are served.
#[derive(Debug, Clone, Copy)]
pub struct Serving {
    pub workers: usize,
    /// Of this process; further ones wait to be accepted.
    pub max_connections: usize,
    /// How long a request's head may take to arrive, and how long somebody who reads nothing of an
    /// answer is waited for.
    pub patience: Duration,
}

/// Starts the workers.
///
/// # Errors
/// The listener cannot be used.
pub fn serve<F, I, S, B>(
    listener: TcpListener,
    how: Serving,
    application: F,
) -> io::Result<ServerHandle>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let Serving { workers, max_connections, patience } = how;
    // connections inherit it
    SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER_BYTES)?;
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(max_connections.div_ceil(workers))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    let connections = move || {
        let stopping = stopping.clone();
        let application = application().into_factory();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(patience)
            .client_disconnect_timeout(Duration::from_secs(5))
            .finish(map_config(
                application.map_err(|error| error.into().error_response()),
                // what a link to ourselves would be made of; there are none
                |()| AppConfig::default(),
            ));
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            let connection = (Departing::new(stream, patience), Protocol::Http1, peer);
            ready(Ok::<_, DispatchError>(connection))
        })
        .and_then(http)
    };
    let server = server.listen("http", listener, connections)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}
