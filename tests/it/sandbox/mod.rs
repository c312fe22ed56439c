//! The simulated bank: what it does, and what it says about it over HTTP.

mod bank;
mod delivery;
mod provider;
mod routes;
mod webhooks;
mod world;
