//! Everything that does I/O and knows no donation: the database, the cache, idempotency, the event
//! bus, batching, mail, what is due, rate limits, telemetry and HTTP manners. Imports nothing but the kernel.

pub mod audit;
pub mod batching;
pub mod cache;
pub mod circuit_breaker;
pub mod embedded_postgres;
pub mod event_bus;
pub mod http;
pub mod idempotency;
pub mod lookout;
pub mod mailer;
pub mod pool;
pub mod postgres;
pub mod rate_limit;
pub mod secrets;
pub mod telemetry;
