//! Who may import whom. The house keeps its shape because this reads all sources and fails on any
//! edge that docs/ARCHITECTURE.md does not have.
//!
//! What it cannot see: paths that a macro of another crate makes, and SQL that is put together from
//! parts of a table's name. Neither is used here.

mod checker;
mod house;
mod planted;
mod reader;
mod sql;

use crate::support::sources;

#[test]
fn every_import_is_one_of_those_the_architecture_allows() {
    let sources = sources::all();
    assert!(sources.len() > 100, "only {} sources were found", sources.len());
    let violations: Vec<String> =
        checker::check(&sources).iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn the_list_of_api_edges_has_no_cycle() {
    let pairs = house::API_EDGES.iter().flat_map(|(from, to)| {
        to.iter().map(|to| ((*from).to_owned(), (*to).to_owned())).collect::<Vec<_>>()
    });
    assert_eq!(house::cycle(&pairs.collect::<Vec<_>>()), None);
}
