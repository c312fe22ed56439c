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

diesel::table! {
    campaign.funding (campaign_id) {
        campaign_id -> Uuid,
        funded_ppm -> Int8,
        totals_version -> Int8,
    }
}

diesel::joinable!(funding -> campaigns (campaign_id));

diesel::allow_tables_to_appear_in_same_query!(campaigns, funding);
