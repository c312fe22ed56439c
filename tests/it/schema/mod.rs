//! What the database is, asked of its own catalog: the `schema.rs` of each module is what was
//! migrated, the schemas are apart, the append-only tables are, and every way up leads down again.

mod guards;
mod migrations;
mod print;

use std::{env, fs, path::PathBuf};

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
