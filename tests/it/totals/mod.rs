//! Totals: summed right whatever the order of events, and read in O(1).

mod consumer;
mod history;
