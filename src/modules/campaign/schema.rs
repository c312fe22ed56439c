//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.

diesel::table! {
    campaign.campaigns (id) {
        id -> Uuid,
        owner_id -> Uuid,
        title -> Text,
        description -> Text,
        category -> Nullable<Text>,
        goal_minor -> Int8,
        currency -> Text,
        status -> Text,
        starts_at -> Nullable<Timestamptz>,
        ends_at -> Nullable<Timestamptz>,
        allow_overfunding -> Bool,
        published_at -> Nullable<Timestamptz>,
        suspended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int8,
    }
}
