//! The bank's counter over HTTP.

use actix_web::{App, http::Method, middleware::from_fn, test, web};
use careforall::{
    modules::sandbox,
    platform::http::{describe_problems, edge},
};
use serde_json::{Value, json};
use utoipa_actix_web::AppExt;

use super::world::{World, request};

/// Calls the routes as mounted by `app.rs`, without a server.
async fn call(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (app, _) = App::new()
        .into_utoipa_app()
        .service(utoipa_actix_web::scope("/api/v1").configure(sandbox::configure))
        .split_for_parts();
    let app = app.app_data(web::Data::new(world.bank.clone())).wrap(from_fn(edge));
    let app = test::init_service(app).await;
    let mut request = test::TestRequest::with_uri(path).method(method);
    if let Some(body) = body {
        request = request.set_json(body);
    }
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&test::read_body(response).await).unwrap_or_default())
}

async fn get(world: &World, path: &str) -> (u16, Value) {
    call(world, Method::GET, path, None).await
}

async fn post(world: &World, path: &str, body: Value) -> (u16, Value) {
    call(world, Method::POST, path, Some(body)).await
}

const ACCOUNTS: &str = "/api/v1/sandbox/accounts";

#[actix_web::test]
async fn an_account_is_opened_paid_from_and_its_statement_is_paged() {
    let world = World::new().await;
    let body = json!({ "owner_name": "Ada", "balance_minor": 10_000, "currency": "USD" });
    let (status, account) = post(&world, ACCOUNTS, body).await;
    assert_eq!((status, &account["balance_minor"]), (201, &json!(10_000)));
    let number = account["account_number"].as_str().unwrap();
    let request = request(None);
    let id = world.make(&request).await;
    let confirm = format!("/api/v1/sandbox/payments/{id}/confirm");
    let pay = json!({ "payment_method": format!("account:{number}") });
    let (status, paid) = post(&world, &confirm, pay.clone()).await;
    assert_eq!((status, &paid["status"]), (202, &json!("captured")));
    let (status, problem) = post(&world, &confirm, pay).await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid-transition")));
    let (_, account) = get(&world, &format!("{ACCOUNTS}/{number}")).await;
    assert_eq!((&account["balance_minor"], &account["held_minor"]), (&json!(7500), &json!(0)));
    let list = format!("{ACCOUNTS}/{number}/transactions?limit=2");
    let (_, page) = get(&world, &list).await;
    assert_eq!((&page["data"][1]["kind"], &page["has_more"]), (&json!("hold"), &json!(true)));
    let next = format!("{list}&cursor={}", page["next_cursor"].as_str().unwrap());
    let (_, page) = get(&world, &next).await;
    assert_eq!((&page["data"][0]["kind"], &page["has_more"]), (&json!("capture"), &json!(false)));
    let (_, seen) = get(&world, &format!("/api/v1/sandbox/payments/{id}")).await;
    assert_eq!((&seen["captures"], &seen["captured_minor"]), (&json!(1), &json!(2500)));
    let ours = format!("/api/v1/sandbox/payments?payment_id={}", request.payment_id);
    let (_, page) = get(&world, &ours).await;
    assert_eq!((&page["data"][0], page["data"].as_array().unwrap().len()), (&seen, 1));
}

#[actix_web::test]
async fn what_is_out_of_form_or_absent_is_refused_as_a_problem() {
    let world = World::new().await;
    let account = |name: &str, balance: Value, currency: &str| json!({ "owner_name": name, "balance_minor": balance, "currency": currency });
    let mut unknown = account("Ada", json!(1), "USD");
    unknown["extra"] = json!(1);
    for (body, field) in [
        (account("", json!(1), "USD"), "owner_name"),
        (account("Ada", json!(-1), "USD"), "balance_minor"),
        (account("Ada", json!(1.5), "USD"), "balance_minor"),
        (account("Ada", json!("1"), "USD"), "balance_minor"),
        (account("Ada", json!(i64::MAX), "USD"), "balance_minor"),
        (account("Ada", json!(1), "usd"), "currency"),
        (unknown, "extra"),
    ] {
        let (status, problem) = post(&world, ACCOUNTS, body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)));
    }
    for path in [
        "/api/v1/sandbox/accounts/1",
        "/api/v1/sandbox/accounts/%00",
        "/api/v1/sandbox/accounts/000000000000/transactions",
        "/api/v1/sandbox/payments/sbx_%00",
        "/api/v1/sandbox/payments/%FF",
    ] {
        let (status, problem) = get(&world, path).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not-found")), "{path}");
    }
    assert_eq!(get(&world, "/api/v1/sandbox/payments").await.0, 400);
    assert_eq!(get(&world, "/api/v1/sandbox/payments?payment_id=x").await.0, 400);
    let id = world.make(&request(None)).await;
    let confirm = format!("/api/v1/sandbox/payments/{id}/confirm");
    for (method, expected) in [("pm_x", 400), ("account:1", 400), ("account:000000000000", 404)] {
        let (status, _) = post(&world, &confirm, json!({ "payment_method": method })).await;
        assert_eq!(status, expected, "{method}");
    }
}

#[actix_web::test]
async fn faults_are_planned_within_their_bounds() {
    let world = World::new().await;
    let fault = |times: i64, delay: Value| json!({ "operation": "create", "kind": "delay", "times": times, "delay_ms": delay });
    for (body, expected) in [
        (fault(1, json!(60_000)), 201),
        (fault(1000, Value::Null), 201),
        (fault(0, json!(1)), 400),
        (fault(1001, json!(1)), 400),
        (fault(1, json!(60_001)), 400),
        (json!({ "operation": "verify", "kind": "fail", "times": 1 }), 400),
    ] {
        let (status, answer) = post(&world, "/api/v1/sandbox/faults", body).await;
        assert_eq!(status, expected, "{answer}");
    }
}

#[actix_web::test]
async fn the_document_describes_every_route_and_its_problems() {
    let (_, mut api) = App::new()
        .into_utoipa_app()
        .service(utoipa_actix_web::scope("/api/v1").configure(sandbox::configure))
        .split_for_parts();
    describe_problems(&mut api).unwrap();
    let api = serde_json::to_value(api).unwrap();
    let confirm = "/api/v1/sandbox/payments/{provider_payment_id}/confirm";
    let responses = &api["paths"][confirm]["post"]["responses"];
    for status in ["202", "400", "404", "409", "422"] {
        assert!(responses[status].is_object(), "{status}");
    }
    assert_eq!(api["paths"].as_object().unwrap().len(), 13);
    for schema in ["OpenAccount", "AccountView", "ConfirmPayment", "BankPaymentView", "PlanFault"] {
        assert!(api["components"]["schemas"][schema].is_object(), "{schema}");
    }
}
