//! The event bus: how modules learn of each other's facts without calling each other.
//!
//! **Who acts.** A producer [`publish`]es inside the transaction that makes the fact true, holding
//! the lock of the aggregate's row, and [wakes](EventBus::wake) the bus after its commit. The
//! *sequencer*, one replica at a time, moves committed events from `bus.outbox` to `bus.event_log`
//! and gives each its place there. A [`Consumer`] reacts: for each of 32 partitions it has a cursor
//! in `bus.consumer_cursor`; a pass locks the free ones among those that there are events for, hands
//! over the events past them, and moves them, in one transaction.
//!
//! **What always holds.**
//! - An event is in the log if and only if its producer committed. None is skipped, although ids
//!   become visible out of order: the sequencer rereads everything above a floor that rises only
//!   past ids whose transactions are over. (The argument stands beside the function, in the
//!   migration.) No open transaction, here or in another database, holds it up.
//! - `seq` has no gaps, and the events of one aggregate are in the order of its versions.
//! - Each consumer applies each event exactly once in effect, since effects and cursor commit
//!   together. Effects elsewhere are intents, carried out by another worker, at least once.
//! - The work of a poll grows with what is new, not with what is dead: while a long snapshot keeps
//!   dead rows from being vacuumed, the floor starts the outbox scan behind them, and the keys of
//!   head and cursors grow with each update, so that a backward scan meets the live version first.
//! - An idle replica asks one question a second, for sequencer and consumers together; one that
//!   was just at work asks again after 250 ms, 500 ms and so on.
//! - Of replicas that hear of each other ([`Peers`]) one does the work that one can do, for a pass
//!   costs much the same, however few events it moves. The others help when they find, once a
//!   second, that a consumer is behind, and take over 100 ms after that one was last heard of.
//!
//! **How it fails.** A replica that dies loses its locks with its connection; one that hangs loses
//! them when `idle_in_transaction_session_timeout` ends its session. A database that is away or busy
//! is waited for, uncounted. An event that cannot be applied is found by halving the batch and
//! *parked*, with the later events of its aggregate, so that nobody else waits; it is retried with
//! backoff, and after 8 failures is a *dead letter* until an administrator [`replay`]s it. A lost
//! wake-up costs one idle tick, which is a second at most. What one pass leaves because another
//! holds it is looked at again after a busy tick: that other may have looked too early.

mod attempt;
mod audit;
mod backoff;
mod bus;
mod config;
mod consumer;
mod event;
mod letters;
mod park;
mod partitions;
mod pass;
mod payload;
mod publish;
mod retry;
mod runtime;
mod sequencer;
mod spans;
mod upkeep;
mod workers;

pub use audit::{examine, log_after, unconsumed};
pub use bus::{EventBus, Peers};
pub use config::BusConfig;
pub use consumer::{Consumer, ConsumerError};
pub use event::{Event, NewEvent, PARTITIONS, partition_of};
pub use letters::{DeadLetter, Replayed, count_dead, dead_letters, replay};
pub use payload::Payload;
pub use publish::publish;
pub use runtime::{BusRuntime, Progress};
