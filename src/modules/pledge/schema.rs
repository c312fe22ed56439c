//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.

diesel::table! {
    pledge.cancelled_campaigns (campaign_id) {
        campaign_id -> Uuid,
        cursor -> Nullable<Uuid>,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        last_error -> Nullable<Text>,
        trace_context -> Nullable<Text>,
        created_at -> Timestamptz,
        done_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    pledge.goal_room (campaign_id) {
        campaign_id -> Uuid,
        terms_version -> Int8,
        taken_minor -> Int8,
    }
}

diesel::table! {
    pledge.payment_states (payment_id) {
        payment_id -> Uuid,
        pledge_id -> Uuid,
        version -> Int8,
        status -> Text,
        captured_minor -> Int8,
        refunded_minor -> Int8,
        disputed_minor -> Int8,
    }
}

diesel::table! {
    pledge.pledges (id) {
        id -> Uuid,
        campaign_id -> Uuid,
        user_id -> Nullable<Uuid>,
        status -> Text,
        amount_minor -> Int8,
        refunded_minor -> Int8,
        currency -> Text,
        donor_email -> Text,
        donor_hash -> Text,
        donor_name -> Nullable<Text>,
        anonymous -> Bool,
        message -> Nullable<Text>,
        metadata -> Nullable<Jsonb>,
        payment_id -> Nullable<Uuid>,
        cancelled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int8,
        captured_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(payment_states -> pledges (pledge_id));

diesel::allow_tables_to_appear_in_same_query!(
    cancelled_campaigns,
    goal_room,
    payment_states,
    pledges,
);
