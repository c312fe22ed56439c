//! Prepared statements for hot hand-written SQL.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::Untyped,
};

/// Hand-written SQL that Postgres parses and plans once per connection. Diesel prepares
/// `sql_query` anew at each call, because its text may change; wrapped in this, the statement is
/// kept by its text.
#[derive(Debug, Clone)]
pub struct Cached<Q>(Q);

/// Promises that the text of this query is one of a few, so that it may be kept prepared.
pub fn cached<Q>(query: Q) -> Cached<Q> {
    Cached(query)
}

/// One field of many rows, in their order: an array, as `unnest` takes it.
pub fn column<'a, R, T>(rows: &'a [R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Cached<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Cached<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Cached<Q> {
    type SqlType = Untyped;
}
