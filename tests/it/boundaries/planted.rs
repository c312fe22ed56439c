//! The checker is checked: violations planted in small sources must be found, and what is allowed
//! must pass.

use super::checker::check;

const KERNEL: &str = "src/kernel/money.rs";
const PLATFORM: &str = "src/platform/cache/mod.rs";
const SERVICE: &str = "src/modules/pledge/service.rs";
const ROOM: &str = "src/modules/pledge/repo/room.rs";
const ENTRANCE: &str = "src/modules/pledge/mod.rs";
const EVENTS: &str = "src/modules/pledge/events.rs";
const TOTALS: &str = "src/modules/totals/service.rs";

/// (file, source, part of what must be said)
const VIOLATIONS: &[(&str, &str, &str)] = &[
    // --- floors
    (KERNEL, "use crate::platform::cache::RedisPool;", "kernel may not import platform"),
    (KERNEL, "use super::super::platform;", "kernel may not import platform"),
    (KERNEL, "use crate::config::Config;", "kernel may not import config"),
    (KERNEL, "use crate::*;", "kernel may not import the whole house"),
    (KERNEL, "fn f() -> crate::modules::auth::api::User { g() }", "may not import auth::api"),
    (PLATFORM, "use crate::modules::pledge::events::PLEDGE_CHANGED;", "import pledge::events"),
    (PLATFORM, "use crate::{kernel::clock, config};", "platform may not import config"),
    (PLATFORM, "use super::super::modules;", "platform may not import all modules"),
    // --- other modules' private rooms
    (SERVICE, "use crate::modules::payment::repo;", "pledge::service may not import payment::repo"),
    (
        SERVICE,
        "use crate::{modules::{auth::api, payment::{events, model::Draft}}};",
        "payment::model",
    ),
    (SERVICE, "use crate::modules::payment::repo as events;", "import payment::repo"),
    (SERVICE, "use crate::modules::campaign;", "may not import campaign:"),
    (SERVICE, "use crate::modules::campaign::{self as api};", "may not import campaign:"),
    (SERVICE, "use crate::modules::campaign::CampaignService;", "import campaign::CampaignService"),
    (SERVICE, "use crate::modules::campaign::*;", "may not import campaign:"),
    (SERVICE, "use crate::modules as m; fn f() { m::payment::repo::find() }", "all modules"),
    (SERVICE, "use crate as house;", "may not import the whole house"),
    (SERVICE, "use careforall::modules::payment::repo;", "import payment::repo"),
    (SERVICE, "use super::super::payment::repo::find;", "import payment::repo"),
    (SERVICE, "use self::super::super::payment::schema;", "import payment::schema"),
    (SERVICE, "use super::super::*;", "may not import all modules"),
    (ENTRANCE, "use super::payment::service;", "pledge may not import payment::service"),
    (ROOM, "use super::super::super::payment::repo::find;", "import payment::repo"),
    (SERVICE, "mod tests { use super::super::super::payment::repo; }", "import payment::repo"),
    (SERVICE, "mod a { mod b { use super::super::super::super::payment::dto; } }", "payment::dto"),
    (SERVICE, "fn f() { use crate::modules::payment::repo::find; find() }", "import payment::repo"),
    // --- without an import
    (SERVICE, "fn f() { crate::modules::payment::repo::find() }", "import payment::repo"),
    (SERVICE, "fn f(x: &super::super::payment::dto::View) {}", "import payment::dto"),
    (SERVICE, "fn f<T: crate::modules::payment::service::Rule>(t: T) {}", "payment::service"),
    (SERVICE, "impl crate::modules::payment::book::Book for X {}", "import payment::book"),
    (SERVICE, "fn f() { <crate::modules::payment::model::P as Clone>::clone(&p()) }", "model"),
    (SERVICE, "fn f() { match x() { crate::modules::payment::model::S::A => {} } }", "model"),
    (SERVICE, "fn f() { info!(id = crate::modules::payment::repo::id()) }", "import payment::repo"),
    (SERVICE, "m! { use crate::{kernel::clock, modules::payment::repo}; }", "import payment::repo"),
    (
        SERVICE,
        "#[utoipa::path(responses((body = crate::modules::payment::dto::V)))] fn f() {}",
        "dto",
    ),
    (SERVICE, r#"struct S { #[serde(with = "crate::modules::payment::dto::hex")] x: u8 }"#, "dto"),
    (SERVICE, "use crate::app::App;", "may not import app"),
    (SERVICE, "use crate::config::Config;", "may not import config"),
    // --- edges and cycles
    (SERVICE, "use crate::modules::payment::api::Provider;", "api edge is not in the list"),
    (TOTALS, "use crate::modules::campaign::api::lock_for_gifts;", "api edge is not in the list"),
    ("src/modules/auth/repo.rs", "use crate::modules::totals::api;", "not in the list"),
    ("src/modules/campaign/api.rs", "use super::super::pledge::api;", "not in the list"),
    // --- events
    (EVENTS, "use crate::platform::event_bus::Event;", "events are made of kernel types only"),
    (EVENTS, "use super::model::PledgeStatus;", "events are made of kernel types only"),
    (EVENTS, "use crate::modules::payment::events::PaymentChanged;", "kernel types only"),
    ("src/modules/pledge/events/v2.rs", "use super::super::dto::View;", "kernel types only"),
    // --- closed rooms
    (ENTRANCE, "pub mod repo;", "room repo must be private"),
    (ENTRANCE, "pub(crate) mod service;", "room service must be private"),
    (ENTRANCE, "pub(super) mod model { }", "room model must be private"),
    (ENTRANCE, "mod repo; pub use repo as storage;", "names single items"),
    (ENTRANCE, "mod repo; pub use self::repo::{self};", "names single items"),
    (ENTRANCE, "mod model; pub use model::*;", "names single items"),
    ("src/modules/pledge/api.rs", "pub use super::repo::*;", "names single items"),
    ("src/modules/pledge/api/mod.rs", "mod all; pub use all::*;", "names single items"),
    (SERVICE, "macro_rules! m { () => { $crate::modules::payment::repo::f() } }", "payment::repo"),
    ("src/modules/mod.rs", "pub mod pledge; pub use pledge::PledgeService;", "only declares"),
    // --- ways around
    (SERVICE, r#"#[path = "../payment/repo.rs"] mod theirs;"#, "leads out of the folder"),
    (SERVICE, r#"include!("../payment/repo.rs");"#, "brings in another file"),
    (SERVICE, "extern crate self as house;", "other names"),
    // --- data
    (SERVICE, r#"const Q: &str = "SELECT 1 FROM payment.payments";"#, "tables of payment"),
    (
        SERVICE,
        r#"fn f() { sql_query("SELECT 1 FROM pledge.pledges p
        JOIN payment.payments q ON q.pledge_id = p.id") }"#,
        "tables of payment",
    ),
    (
        SERVICE,
        r#"fn f() { q("select 1 from pledge.pledges p, payment.facts f") }"#,
        "payment in SQL",
    ),
    (SERVICE, r#"fn f() { q("UPDATE totals.gift SET campaign_id = $1") }"#, "tables of totals"),
    (SERVICE, r#"fn f() { q("INSERT INTO \"totals\".\"gift\" VALUES ($1)") }"#, "tables of totals"),
    (SERVICE, r#"fn f() { q("DELETE FROM ONLY totals.gift") }"#, "tables of totals"),
    (
        SERVICE,
        r#"fn f() { q(concat!("SELECT (SELECT 1 FROM ( totals.gift ))")) }"#,
        "totals in SQL",
    ),
    (SERVICE, r#"fn f() { q("TRUNCATE TABLE payment.facts") }"#, "tables of payment"),
    (SERVICE, r#"fn f() { q("SELECT 1 FROM bus.outbox") }"#, "tables of bus"),
    (PLATFORM, r#"fn f() { q("SELECT 1 FROM totals.gift") }"#, "tables of totals"),
    (
        SERVICE,
        "diesel::table! { payment.payments (id) { id -> Uuid, } }",
        "declare tables of payment",
    ),
    (SERVICE, "use crate::kernel::;", "cannot be read"),
];

/// What must pass.
const FINE: &[(&str, &str)] = &[
    (KERNEL, "use super::{clock, ids::PledgeId}; use crate::kernel::email; use std::fmt;"),
    (PLATFORM, "use crate::{kernel::clock, platform::postgres}; use super::http;"),
    (SERVICE, "use super::{repo, model::Pledge}; use crate::modules::pledge::schema::pledges;"),
    (SERVICE, "use crate::modules::{auth::api as auth, campaign::api::{self, GiftTerms}};"),
    (SERVICE, "use crate::modules::{payment::events::*, totals::events, pledge::events::X};"),
    (SERVICE, "use crate::{kernel::clock, platform::{event_bus::publish, postgres::Connection}};"),
    (
        SERVICE,
        "use super::super::campaign::api; mod tests { use super::*; use super::super::repo; }",
    ),
    (SERVICE, "pub(crate) fn f() {} pub(in crate::modules::pledge) fn g() {} pub(super) fn h() {}"),
    (SERVICE, "use payment::repo::find; fn f() { modules::payment::repo::find() }"),
    (TOTALS, "use crate::modules::campaign::events::CampaignChanged;"),
    (EVENTS, "use serde::Serialize; use crate::kernel::{ids::PledgeId, money::Currency};"),
    (EVENTS, "pub struct A; mod tests { use super::A; use super::super::events::B; }"),
    (ENTRANCE, "pub mod api; pub mod events; mod repo; mod service; pub use service::Service;"),
    (ENTRANCE, "mod repo; pub use repo::{find, store as keep}; pub use self::repo::Row;"),
    ("src/modules/pledge/api.rs", "pub use super::model::{A, B}; use super::repo::*;"),
    ("src/modules/mod.rs", "pub mod auth; pub mod pledge;"),
    ("src/app.rs", "use crate::{config, modules::{auth::AuthService, pledge}, platform::*};"),
    ("src/lib.rs", "pub mod kernel; pub mod modules;"),
    ("src/main.rs", "fn main() { careforall::cli::run() }"),
    ("src/modules/admin/service.rs", "use crate::modules::{auth::api as a, totals::api as t};"),
    (SERVICE, r#"fn f() { q("SELECT payment.id FROM pledge.payment_states payment, pledges p") }"#),
    (SERVICE, r#"fn f() { q("SELECT extract(epoch FROM now()), p.payment FROM unnest($1) p") }"#),
    (
        SERVICE,
        r#"fn f() { q("SELECT 1 -- not FROM payment.payments
        FROM pledges") }"#,
    ),
    (SERVICE, r#"const NAME: &str = "payment.changed.v1"; const T: &str = "of payment.payments";"#),
    (
        SERVICE,
        "/// Like SELECT 1 FROM payment.payments, see [`crate::modules::payment::repo`].\nfn f() {}",
    ),
    (
        PLATFORM,
        r#"fn f() { q("SELECT 1 FROM bus.outbox") } diesel::table! { bus.s (k) { k -> Text, } }"#,
    ),
];

/// So that every schema is known.
fn with_neighbours(file: &str, source: &str) -> Vec<(String, String)> {
    let modules = ["auth", "campaign", "payment", "pledge", "totals"];
    let mut sources: Vec<_> =
        modules.map(|m| (format!("src/modules/{m}/dto.rs"), String::new())).into();
    sources.push((file.to_owned(), source.to_owned()));
    sources
}

#[test]
fn planted_violations_are_found() {
    for (file, source, expected) in VIOLATIONS {
        let found = check(&with_neighbours(file, source));
        let told = found.iter().any(|v| v.file == *file && v.to_string().contains(expected));
        assert!(told, "{file}: {source}\nexpected: {expected}\nfound: {found:#?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    for (file, source) in FINE {
        let found = check(&with_neighbours(file, source));
        assert!(found.is_empty(), "{file}: {source}\nfound: {found:#?}");
    }
}

#[test]
fn a_violation_is_found_on_its_line_and_told_once() {
    let source = "use std::fmt;\n\nfn f() {\n    crate::modules::payment::repo::a();\n}\n";
    let found = check(&with_neighbours(SERVICE, source));
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    let expected = "src/modules/pledge/service.rs:4: pledge::service may not import payment::repo: \
                    of other modules only api and events";
    assert_eq!(told, [expected]);
}

#[test]
fn cycles_are_found_across_files() {
    let edge = |from: &str, to: &str| {
        let (file, source) = (format!("src/modules/{from}/service.rs"), to);
        (file, format!("use crate::modules::{source}::api;"))
    };
    let circle = [edge("campaign", "auth"), edge("auth", "pledge"), edge("pledge", "campaign")];
    let cycles = |sources: &[(String, String)]| {
        let found = check(sources);
        found.iter().filter(|v| v.what.starts_with("cycle")).count()
    };
    assert_eq!(cycles(&circle), 1);
    assert_eq!(cycles(&circle[1..]), 0);
}
