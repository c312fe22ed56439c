//! How the payment model is tested: the table of the design, cell by cell (`table`); named
//! scenarios (`scenarios`); what an answer settles (`settled`); every sequence of a few events (`orders`); random histories of a true
//! provider, delivered in any order with repetitions to a worker that asks and retries
//! (`convergence`); and arbitrary nonsense (`totality`). Every step of all of them goes through a
//! [`book::Book`], which checks the invariants.

mod book;
mod convergence;
mod language;
mod orders;
mod scenarios;
mod settled;
mod table;
mod totality;
mod world;
