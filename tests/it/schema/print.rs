//! From the catalog to Diesel's `table!`.

use std::fmt::Write as _;

use tokio_postgres::Client;

const HEAD: &str = "\
//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.
";

/// Columns whose name is a keyword in Rust.
const RENAMED: [(&str, &str); 1] = [("sandbox.events.type", "event_type")];

/// As wide as a line of ours may be.
const WIDTH: usize = 100;

/// The whole text of a module's `schema.rs`.
pub async fn schema(client: &Client, schema: &str) -> String {
    let mut text = HEAD.to_owned();
    let tables = tables(client, schema).await;
    for table in &tables {
        let key = primary_key(client, schema, table).await;
        assert!(!key.is_empty(), "{schema}.{table} has no primary key");
        write!(text, "\ndiesel::table! {{\n    {schema}.{table} ({}) {{\n", key.join(", "))
            .unwrap();
        for column in columns(client, schema, table).await {
            text.push_str(&column);
        }
        text.push_str("    }\n}\n");
    }
    let joins = joins(client, schema).await;
    if !joins.is_empty() {
        text.push('\n');
    }
    for (child, parent, column) in joins {
        writeln!(text, "diesel::joinable!({child} -> {parent} ({column}));").unwrap();
    }
    text.push_str(&together(&tables));
    text
}

async fn tables(client: &Client, schema: &str) -> Vec<String> {
    const TABLES: &str = "SELECT relname::text FROM pg_class
         WHERE relnamespace = $1::text::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition ORDER BY relname COLLATE \"C\"";
    let rows = client.query(TABLES, &[&schema]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn primary_key(client: &Client, schema: &str, table: &str) -> Vec<String> {
    const KEY: &str = "SELECT a.attname::text FROM pg_constraint c
          JOIN unnest(c.conkey) WITH ORDINALITY AS k(attnum, place) ON true
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
         WHERE c.contype = 'p' AND c.conrelid = format('%I.%I', $1::text, $2::text)::regclass
         ORDER BY k.place";
    let rows = client.query(KEY, &[&schema, &table]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The lines of the columns.
async fn columns(client: &Client, schema: &str, table: &str) -> Vec<String> {
    const COLUMNS: &str = "SELECT a.attname::text, t.typname::text, a.attnotnull
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = format('%I.%I', $1::text, $2::text)::regclass
           AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let rows = client.query(COLUMNS, &[&schema, &table]).await.unwrap();
    let line = |row: &tokio_postgres::Row| {
        let (name, pg, required): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        let kind = diesel_type(&pg);
        let kind = if required { kind } else { format!("Nullable<{kind}>") };
        let full = format!("{schema}.{table}.{name}");
        match RENAMED.iter().find(|(column, _)| *column == full) {
            Some((_, ours)) => {
                format!("        #[sql_name = \"{name}\"]\n        {ours} -> {kind},\n")
            }
            None => format!("        {name} -> {kind},\n"),
        }
    };
    rows.iter().map(line).collect()
}

/// Arrays may hold NULL, whatever the column says.
fn diesel_type(pg: &str) -> String {
    if let Some(element) = pg.strip_prefix('_') {
        return format!("Array<Nullable<{}>>", diesel_type(element));
    }
    let name = match pg {
        "bool" => "Bool",
        "bytea" => "Bytea",
        "date" => "Date",
        "float8" => "Float8",
        "int2" => "Int2",
        "int4" => "Int4",
        "int8" => "Int8",
        "interval" => "Interval",
        "json" => "Json",
        "jsonb" => "Jsonb",
        "numeric" => "Numeric",
        "text" => "Text",
        "timestamptz" => "Timestamptz",
        "uuid" => "Uuid",
        other => panic!("teach tests/it/schema/print.rs the type {other}"),
    };
    name.to_owned()
}

/// Child, parent, column: foreign keys of one column, where the two tables have only one, and it
/// leads to the parent's primary key.
async fn joins(client: &Client, schema: &str) -> Vec<(String, String, String)> {
    const JOINS: &str = "SELECT child.relname::text, parent.relname::text, min(a.attname)::text
          FROM pg_constraint c
          JOIN pg_class child ON child.oid = c.conrelid
          JOIN pg_class parent ON parent.oid = c.confrelid
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
          JOIN pg_constraint k ON k.conrelid = c.confrelid AND k.contype = 'p'
         WHERE c.contype = 'f' AND c.connamespace = $1::text::regnamespace
           AND c.conrelid <> c.confrelid AND child.relnamespace = parent.relnamespace
         GROUP BY child.relname, parent.relname
        HAVING count(*) = 1 AND bool_and(cardinality(c.conkey) = 1 AND c.confkey = k.conkey)
         ORDER BY child.relname COLLATE \"C\", parent.relname COLLATE \"C\"";
    let rows = client.query(JOINS, &[&schema]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Tables of one schema may be joined; as rustfmt likes it.
fn together(tables: &[String]) -> String {
    if tables.len() < 2 {
        return String::new();
    }
    let line = format!("\ndiesel::allow_tables_to_appear_in_same_query!({});\n", tables.join(", "));
    if line.trim().len() <= WIDTH {
        return line;
    }
    let names = tables.join(",\n    ");
    format!("\ndiesel::allow_tables_to_appear_in_same_query!(\n    {names},\n);\n")
}
