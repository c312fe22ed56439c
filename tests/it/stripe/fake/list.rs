//! Lists: the newest first, by pages, in both directions.

use serde_json::{Value, json};

use super::{Answer, form::Fields, refuse};

/// `objects` are in the order in which they were made.
pub fn list(url: &str, objects: &[Value], fields: &Fields) -> Answer {
    let limit = usize::try_from(fields.number("limit").unwrap_or(10)).unwrap();
    if !(1..=100).contains(&limit) {
        return refuse(400, "parameter_invalid_integer", "limit must be between 1 and 100");
    }
    let fits = |object: &&Value| matches(object, fields);
    let newest_first: Vec<&Value> = objects.iter().rev().filter(fits).collect();
    let place = |name: &str| {
        let Some(id) = fields.get(name) else { return Ok(None) };
        // the object at the cursor need not fit the filters, but it must be there
        let Some(at) = objects.iter().rev().position(|object| object["id"] == id) else {
            return Err(refuse(400, "resource_missing", &format!("No such object: '{id}'")));
        };
        Ok(Some(objects.len() - 1 - at))
    };
    let (after, before) = match (place("starting_after"), place("ending_before")) {
        (Ok(after), Ok(before)) => (after, before),
        (Err(refused), _) | (_, Err(refused)) => return refused,
    };
    let age = |object: &Value| objects.iter().position(|o| o["id"] == object["id"]).unwrap();
    let (data, has_more): (Vec<&Value>, bool) = match (after, before) {
        (_, Some(mark)) => {
            let newer: Vec<_> = newest_first.into_iter().filter(|o| age(o) > mark).collect();
            let skip = newer.len().saturating_sub(limit);
            (newer[skip..].to_vec(), skip > 0)
        }
        (mark, None) => {
            let older = |o: &&Value| mark.is_none_or(|mark| age(o) < mark);
            let older: Vec<_> = newest_first.into_iter().filter(older).collect();
            (older.iter().take(limit).copied().collect(), older.len() > limit)
        }
    };
    (200, json!({ "object": "list", "url": url, "has_more": has_more, "data": data }))
}

fn matches(object: &Value, fields: &Fields) -> bool {
    let created = object["created"].as_i64().unwrap();
    let within = |name: &str, ok: fn(i64, i64) -> bool| {
        fields.number(&format!("created[{name}]")).is_none_or(|limit| ok(created, limit))
    };
    let types = fields.all("types[]");
    let intent = fields.get("payment_intent");
    within("gte", |at, limit| at >= limit)
        && within("gt", |at, limit| at > limit)
        && within("lte", |at, limit| at <= limit)
        && within("lt", |at, limit| at < limit)
        && (types.is_empty() || types.iter().any(|name| object["type"] == *name))
        && intent.is_none_or(|id| object["payment_intent"] == id)
}
