use serde_json::{Value, json};

use super::*;

fn create(change: Value) -> Result<Draft, Problem> {
    let mut body = json!({"title": "Wells", "description": "", "goal_minor": 1, "currency": "USD"});
    if let (Value::Object(body), Value::Object(change)) = (&mut body, change) {
        body.extend(change);
    }
    serde_json::from_value::<CreateCampaign>(body)
        .map_err(|error| Problem::field("body", "invalid", error.to_string()))?
        .try_into()
}

fn guilty(change: Value) -> String {
    create(change).unwrap_err().errors[0].field.clone()
}

#[test]
fn the_limits_are_those_of_the_contract() {
    for good in [
        json!({"title": "x".repeat(200)}),
        json!({"description": "é".repeat(20_000)}),
        json!({"category": "x".repeat(50)}),
        json!({"category": null, "starts_at": null, "ends_at": null, "allow_overfunding": null}),
        json!({"goal_minor": MAX_GOAL_MINOR}),
        json!({"ends_at": "2030-01-01t00:00:00.5+02:00"}),
    ] {
        assert!(create(good.clone()).is_ok(), "{good}");
    }
    for (field, bad) in [
        ("title", json!({"title": ""})),
        ("title", json!({"title": "   "})),
        ("title", json!({"title": "x".repeat(201)})),
        ("title", json!({"title": "a\u{1b}b"})),
        ("description", json!({"description": " ".repeat(20_001)})),
        ("category", json!({"category": ""})),
        ("category", json!({"category": "x".repeat(51)})),
        ("goal_minor", json!({"goal_minor": 0})),
        ("goal_minor", json!({"goal_minor": -1})),
        ("goal_minor", json!({"goal_minor": MAX_GOAL_MINOR + 1})),
        ("starts_at", json!({"starts_at": "tomorrow"})),
        ("starts_at", json!({"starts_at": "2030-01-01"})),
        ("ends_at", json!({"ends_at": "9999-12-31T23:59:59-01:00"})),
        ("body", json!({"currency": "usd"})),
        ("body", json!({"status": "active"})),
    ] {
        assert_eq!(guilty(bad.clone()), field, "{bad}");
    }
}

#[test]
fn all_mistakes_are_named_at_once() {
    let problem = create(json!({"title": "", "goal_minor": 0, "ends_at": "x"})).unwrap_err();
    let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(fields, ["title", "goal_minor", "ends_at"]);
}

#[test]
fn null_is_not_absent() {
    let read = |body: Value| serde_json::from_value::<UpdateCampaign>(body);
    let changes = Changes::try_from(read(json!({"category": null})).unwrap()).unwrap();
    assert_eq!((changes.category, changes.ends_at), (Some(None), None));
    for field in ["title", "description", "goal_minor", "currency", "allow_overfunding"] {
        assert!(read(json!({field: null})).is_err(), "{field} cannot be taken away");
    }
}
