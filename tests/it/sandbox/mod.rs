//! The simulated bank: what it does, and what it says about it over HTTP.

mod bank;
mod delivery;
mod giving_back;
mod lists;
mod provider;
mod routes;
mod switched_off;
mod webhooks;
mod world;
