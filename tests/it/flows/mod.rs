//! Whole donations, from outside: what a donor, a bank and a failing machine may do to them.

mod giving;
