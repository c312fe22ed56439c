//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.

diesel::table! {
    admin.opening (day) {
        day -> Date,
        taken_at -> Timestamptz,
        raised -> Jsonb,
    }
}

diesel::table! {
    admin.reconciliation (kind) {
        kind -> Text,
        next_at -> Timestamptz,
        checked_seq -> Int8,
        finished_at -> Nullable<Timestamptz>,
        drift -> Jsonb,
    }
}

diesel::allow_tables_to_appear_in_same_query!(opening, reconciliation);
