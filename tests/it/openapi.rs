//! The document: as it is checked in, and as a reader may rely on it.

use std::{collections::BTreeSet, path::Path};

use careforall::kernel::problem::ProblemCode;
use serde_json::Value;

/// The contract's routes, of which only the pending ones may be missing.
const CONTRACT: &str = include_str!("openapi/contract.txt");

fn document() -> Value {
    serde_json::to_value(careforall::app::document(true).unwrap()).unwrap()
}

/// Every operation, as `POST /path` and its description.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &'static str)| format!("{} {path}", item.to_uppercase());
    let methods = ["get", "post", "patch", "put", "delete"];
    let mut found = Vec::new();
    for (path, item) in paths {
        let present = methods.into_iter().filter(|method| item.get(method).is_some());
        found.extend(present.map(|method| (of((path, method)), &item[method])));
    }
    found
}

#[test]
fn the_checked_in_document_is_the_programs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let now = careforall::app::document(true).unwrap().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &now).unwrap();
    }
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(before == now, "openapi/openapi.json is old: run this test with UPDATE_OPENAPI=1");
}

#[test]
fn it_is_openapi_3_1_with_the_crates_version() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[test]
fn its_routes_are_the_contracts() {
    let document = document();
    let found: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let lines = || CONTRACT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let promised: BTreeSet<String> =
        lines().map(|line| line.trim_start_matches("pending ").to_owned()).collect();
    let beyond: Vec<_> = found.difference(&promised).collect();
    assert!(beyond.is_empty(), "not in the contract: {beyond:#?}");
    let due = lines().filter(|line| !line.starts_with("pending ")).map(str::to_owned).collect();
    let missing: Vec<_> = BTreeSet::difference(&due, &found).collect();
    assert!(missing.is_empty(), "the contract promises: {missing:#?}");
}

#[test]
fn every_operation_tells_its_name_its_place_and_its_story() {
    let document = document();
    let places: Vec<_> = document["tags"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    let mut names = BTreeSet::new();
    for (line, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{line}: no name"));
        let snake = name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
        assert!(snake && name.contains('_'), "{line}: {name} is not verb_resource");
        assert!(names.insert(name), "{name} is there twice");
        assert!(handler_exists(name), "{line}: no handler is called {name}");
        let tags = operation["tags"].as_array().unwrap();
        assert!(tags.len() == 1 && places.contains(&&tags[0]), "{line}: {tags:?}");
        for text in ["summary", "description"] {
            assert!(!operation[text].as_str().unwrap_or_default().is_empty(), "{line}: no {text}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = &parameter["name"];
            assert!(parameter["description"].is_string(), "{line}: {name} is not described");
        }
    }
}

fn handler_exists(name: &str) -> bool {
    fn search(folder: &Path, needle: &str) -> bool {
        std::fs::read_dir(folder).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                return search(&path, needle);
            }
            std::fs::read_to_string(path).is_ok_and(|text| text.contains(needle))
        })
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    search(&sources, &format!("pub async fn {name}("))
}

#[test]
fn answers_have_schemas_examples_and_codes_that_exist() {
    let document = document();
    for (line, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let good: Vec<_> = responses.iter().filter(|(status, _)| status.starts_with('2')).collect();
        assert!(!good.is_empty(), "{line}: when does it succeed?");
        for (status, response) in good {
            if !matches!(status.as_str(), "202" | "204") || response.get("content").is_some() {
                shows_body(&document, &format!("{line} {status}"), &response["content"]);
            }
        }
        if let Some(body) = operation.get("requestBody") {
            shows_body(&document, &format!("{line} request"), &body["content"]);
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            let problem = &response["content"]["application/problem+json"];
            if problem.is_null() {
                assert!(line.ends_with("/readyz") || line.ends_with("/health"), "{line} {status}");
                continue;
            }
            for (code, example) in problem["examples"].as_object().unwrap() {
                let known: ProblemCode = code.parse().unwrap_or_else(|()| panic!("{line}: {code}"));
                assert_eq!(known.status().to_string(), *status, "{line}: {code}");
                assert_eq!(example["value"]["code"], *code, "{line}");
            }
        }
    }
}

fn shows_body(document: &Value, place: &str, content: &Value) {
    let content = content.as_object().unwrap_or_else(|| panic!("{place}: no content"));
    for (kind, body) in content {
        assert!(body.get("schema").is_some(), "{place} {kind}: no schema");
        let example = body.get("example").or(body.get("examples")).is_some();
        assert!(example || shown(document, place, &body["schema"]), "{place}: no example");
    }
}

/// Does the schema tell what a value looks like, down to its leaves?
fn shown(document: &Value, place: &str, schema: &Value) -> bool {
    const TELLING: [&str; 5] = ["example", "examples", "enum", "const", "default"];
    if TELLING.iter().any(|word| schema.get(word).is_some()) {
        return true;
    }
    if let Some(target) = schema["$ref"].as_str() {
        return shown(document, place, document.pointer(&target[1..]).unwrap());
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().all(|part| shown(document, place, part));
    }
    if let Some(parts) = schema["oneOf"].as_array() {
        return parts.iter().any(|part| shown(document, place, part));
    }
    if let Some(members) = schema["properties"].as_object() {
        for (name, member) in members {
            assert!(shown(document, place, member), "{place}: {name} has no example");
        }
        return true;
    }
    let types = schema["type"].to_string();
    let made_up = matches!(schema["format"].as_str(), Some("uuid" | "date-time" | "email"));
    types.contains("boolean")
        || made_up
        || (types.contains("array") && shown(document, place, &schema["items"]))
        || types.contains("object")
}

#[test]
fn what_moves_money_requires_a_key_and_secured_routes_name_the_bearer() {
    let document = document();
    for (line, operation) in operations(&document) {
        let money =
            line.starts_with("POST /api/v1/pledges") || line.starts_with("POST /api/v1/payments");
        let parameters = operation["parameters"].as_array();
        let key = parameters.into_iter().flatten().find(|p| p["name"] == "Idempotency-Key");
        assert_eq!(key.is_some_and(|key| key["required"] == true), money, "{line}");
        let unauthorized = &operation["responses"]["401"]["content"]["application/problem+json"];
        let asks = unauthorized["examples"].get("unauthorized").is_some();
        let schemes = operation["security"].as_array().into_iter().flatten();
        let bearer = schemes.into_iter().any(|scheme| scheme.get("bearer").is_some());
        assert_eq!(bearer, asks, "{line}: 401 and bearer go together");
    }
}

#[test]
fn whatever_the_limits_count_may_answer_429() {
    let exempt = ["GET /livez", "GET /readyz", "GET /health", "POST /api/v1/webhooks/{provider}"];
    for (line, operation) in operations(&document()) {
        let answers = operation["responses"].get("429").is_some();
        assert_eq!(answers, !exempt.contains(&line.as_str()), "{line}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                if let ("$ref", Value::String(target)) = (name.as_str(), member) {
                    found.insert(target.clone());
                }
                references(member, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for target in &found {
        assert!(document.pointer(&target[1..]).is_some(), "{target} leads nowhere");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "{name} is not used");
    }
}
