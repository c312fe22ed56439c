//! Lists of campaigns, as everybody may ask for them.

use std::{cmp::Reverse, collections::HashSet};

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult, SelectableHelper,
    dsl::{AsSelect, IntoBoxed, LeftJoin, Select, sql},
    expression::SqlLiteral,
    pg::Pg,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;

use super::dsl;
use crate::{
    kernel::{ids::UserId, page::PageRequest},
    modules::campaign::{
        model::{Campaign, Listed, Place, Selection, Sort, Status},
        schema::funding,
    },
    platform::postgres::Connection,
};

/// Whose eyes a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    Public,
    /// Sees their own drafts too.
    User(UserId),
    /// Sees everything.
    Admin,
}

/// Which campaigns a list holds.
#[derive(Debug, Clone)]
pub struct ListFilter {
    pub viewer: Viewer,
    /// Its status is the one at `now`.
    pub selection: Selection,
    pub now: DateTime<Utc>,
}

/// What the index `campaigns_words` is over.
const WORDS: &str =
    "to_tsvector('english', title || ' ' || description) @@ websearch_to_tsquery('english', ";

/// What the indexes `campaigns_ending` and `campaigns_ending_by_status` are over.
const END: &str = "coalesce(ends_at, 'infinity')";

const RUNNING: [Status; 2] = [Status::Active, Status::Paused];

/// One more than a page of campaigns, in their order. Each order walks an index of its own from
/// where the page before ended.
pub async fn list(
    conn: &mut Connection,
    filter: &ListFilter,
    page: &PageRequest<Place>,
) -> QueryResult<Vec<Listed>> {
    if filter.selection.status != Some(Status::Ended) {
        return select(filter, page, false).load(conn).await;
    }
    // Ended by the clock and not yet written down: few, and read first, so that one which is
    // being written down meanwhile is met twice rather than not at all.
    let mut found: Vec<Listed> = select(filter, page, true).load(conn).await?;
    found.extend(select(filter, page, false).load::<Listed>(conn).await?);
    let mut seen = HashSet::new();
    found.reverse();
    found.retain(|listed| seen.insert(listed.campaign.id));
    match filter.selection.sort {
        Sort::Newest => found.sort_by_key(|l| Reverse((l.campaign.created_at, l.campaign.id))),
        Sort::EndingSoon => found.sort_by_key(|l| {
            let ends_at = l.campaign.ends_at;
            (ends_at.is_none(), ends_at, l.campaign.id)
        }),
        Sort::MostFunded => found.sort_by_key(|l| Reverse((l.funded_ppm, l.campaign.id))),
    }
    found.truncate(usize::try_from(page.limit + 1).unwrap_or(0));
    Ok(found)
}

type Selected = IntoBoxed<
    'static,
    Select<
        LeftJoin<dsl::campaigns, funding::table>,
        (AsSelect<Campaign, Pg>, SqlLiteral<Nullable<BigInt>>),
    >,
    Pg,
>;

fn select(filter: &ListFilter, page: &PageRequest<Place>, due: bool) -> Selected {
    // what nobody names of it, Postgres does not join
    let joined = dsl::campaigns.left_join(funding::table);
    let ppm = sql(match filter.selection.sort {
        Sort::MostFunded => "funded_ppm",
        Sort::Newest | Sort::EndingSoon => "NULL",
    });
    let query = joined.select((Campaign::as_select(), ppm)).into_boxed().limit(page.limit + 1);
    let mut query = of_status(visible(query, filter), filter, due);
    if let Some(category) = &filter.selection.category {
        query = query.filter(dsl::category.eq(category.clone()));
    }
    if let Some(words) = &filter.selection.words {
        query = query.filter(sql::<Bool>(WORDS).bind::<Text, _>(words.clone()).sql(")"));
    }
    ordered(query, filter.selection.sort, page.after)
}

fn visible(query: Selected, filter: &ListFilter) -> Selected {
    match (filter.viewer, filter.selection.status) {
        (Viewer::Admin, _) => query,
        (Viewer::User(user), Some(Status::Draft)) => query.filter(dsl::owner_id.eq(user)),
        (Viewer::User(user), _) => {
            query.filter(dsl::published_at.is_not_null().or(dsl::owner_id.eq(user)))
        }
        (Viewer::Public, _) => query.filter(dsl::published_at.is_not_null()),
    }
}

/// `due`: those that have ended at this moment, although it is not written down.
fn of_status(query: Selected, filter: &ListFilter, due: bool) -> Selected {
    // spelled out, so that every plan may use the indexes that are over these only
    let running = sql::<Bool>("status IN ('active', 'paused')");
    let unended = || dsl::ends_at.is_null().or(dsl::ends_at.gt(filter.now));
    match (filter.selection.status, filter.selection.sort) {
        (Some(_), _) if due => query.filter(running).filter(dsl::ends_at.le(filter.now)),
        (Some(status), _) if RUNNING.contains(&status) => {
            query.filter(dsl::status.eq(status)).filter(unended())
        }
        (Some(status), _) => query.filter(dsl::status.eq(status)),
        // what is over does not end soon
        (None, Sort::EndingSoon) => query.filter(running).filter(unended()),
        (None, Sort::Newest | Sort::MostFunded) => query,
    }
}

fn ordered(query: Selected, sort: Sort, after: Option<Place>) -> Selected {
    let query = match sort {
        Sort::Newest => query.order((dsl::created_at.desc(), dsl::id.desc())),
        Sort::EndingSoon => query.order((sql::<Timestamptz>(END), dsl::id.asc())),
        // and an inner join after all, so that it begins with the index
        Sort::MostFunded => query
            .filter(funding::funded_ppm.is_not_null())
            .order((funding::funded_ppm.desc(), funding::campaign_id.desc())),
    };
    match after {
        None => query,
        // the first condition bounds the index scan
        Some(Place::Newest(at, id)) => {
            query.filter(dsl::created_at.le(at)).filter(dsl::created_at.lt(at).or(dsl::id.lt(id)))
        }
        Some(Place::EndingSoon(at, id)) => query.filter(
            sql::<Bool>("(coalesce(ends_at, 'infinity'), id) > (coalesce(")
                .bind::<Nullable<Timestamptz>, _>(at)
                .sql(", 'infinity'), ")
                .bind::<Uuid, _>(id)
                .sql(")"),
        ),
        Some(Place::MostFunded(ppm, id)) => query.filter(
            sql::<Bool>("(funded_ppm, campaign_id) < (")
                .bind::<BigInt, _>(ppm)
                .sql(", ")
                .bind::<Uuid, _>(id)
                .sql(")"),
        ),
    }
}
