//! Totals: summed right whatever the order of events, and read in O(1).

mod announcing;
mod caching;
mod consumer;
mod history;
mod reading;
