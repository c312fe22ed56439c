//! What the database is, asked of its own catalog: the `schema.rs` of each module is what was
//! migrated, the schemas are apart, the append-only tables are, and every way up leads down again.

mod guards;
mod migrations;
mod print;

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use crate::support::{TestDatabase, sources};

/// Modules with tables, and their `schema.rs`.
fn schema_files() -> Vec<(String, PathBuf)> {
    let file = |m: &String| sources::root().join("src/modules").join(m).join("schema.rs");
    let modules = sources::modules().into_iter().map(|m| (m.clone(), file(&m)));
    modules.filter(|(_, file)| file.exists()).collect()
}

#[tokio::test]
async fn each_modules_schema_rs_is_what_was_migrated() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let mut outdated = Vec::new();
    for (module, file) in schema_files() {
        let printed = print::schema(&client, &module).await;
        if fs::read_to_string(&file).unwrap() == printed {
            continue;
        }
        if env::var_os("UPDATE_SCHEMA").is_some() {
            fs::write(&file, printed).unwrap();
        } else {
            outdated.push(module);
        }
    }
    assert!(
        outdated.is_empty(),
        "schema.rs of {outdated:?} is not what the migrations make; \
         write it anew with: UPDATE_SCHEMA=1 cargo test --test it schema::"
    );
}

/// The page's table of modules: `| `auth` | `users`, … |`; the platform's row begins otherwise.
#[tokio::test]
async fn the_architecture_page_names_every_table() {
    const TABLES: &str = "SELECT format('%s.%s', relnamespace::regnamespace, relname)
          FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind IN ('r', 'p') AND NOT relispartition
           AND nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')";
    let page = fs::read_to_string(sources::root().join("docs/ARCHITECTURE.md")).unwrap();
    let mut named = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let words =
            |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        // four columns, and what is before the first and after the last
        if let ([owner], 6) = (&words(cells[1])[..], cells.len()) {
            named.extend(words(cells[2]).iter().map(|table| format!("{owner}.{table}")));
        }
    }
    let database = TestDatabase::new().await;
    let migrated = guards::strings(&database.client().await, TABLES).await;
    assert_eq!(named, BTreeSet::from_iter(migrated));
}
