//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.

diesel::table! {
    sandbox.account_transactions (id) {
        id -> Int8,
        account_number -> Text,
        provider_payment_id -> Nullable<Text>,
        kind -> Text,
        amount_minor -> Int8,
        balance_minor -> Int8,
        held_minor -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sandbox.accounts (account_number) {
        account_number -> Text,
        owner_name -> Text,
        currency -> Text,
        balance_minor -> Int8,
        held_minor -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sandbox.disputes (id) {
        id -> Text,
        provider_payment_id -> Text,
        amount_minor -> Int8,
        status -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sandbox.events (seq) {
        seq -> Int8,
        event_id -> Text,
        provider_payment_id -> Text,
        #[sql_name = "type"]
        event_type -> Text,
        body -> Text,
        trace_context -> Nullable<Text>,
        created_at -> Timestamptz,
        copies -> Int4,
        after_event -> Nullable<Text>,
        after_acknowledged -> Bool,
        attempts -> Int4,
        next_attempt_at -> Nullable<Timestamptz>,
        delivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sandbox.faults (id) {
        id -> Int8,
        operation -> Text,
        kind -> Text,
        times_left -> Int4,
        delay_ms -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sandbox.payments (id) {
        id -> Text,
        payment_id -> Uuid,
        amount_minor -> Int8,
        currency -> Text,
        capture_method -> Text,
        status -> Text,
        captured_minor -> Int8,
        refunded_minor -> Int8,
        captures -> Int4,
        behaviour -> Nullable<Text>,
        account_number -> Nullable<Text>,
        hold_expires_at -> Nullable<Timestamptz>,
        client_secret -> Text,
        idempotency_key -> Text,
        created_with -> Nullable<Text>,
        create_decline -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        trace_context -> Nullable<Text>,
    }
}

diesel::table! {
    sandbox.refunds (id) {
        id -> Text,
        provider_payment_id -> Text,
        refund_id -> Nullable<Uuid>,
        amount_minor -> Int8,
        status -> Text,
        idempotency_key -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(account_transactions -> accounts (account_number));
diesel::joinable!(account_transactions -> payments (provider_payment_id));
diesel::joinable!(disputes -> payments (provider_payment_id));
diesel::joinable!(events -> payments (provider_payment_id));
diesel::joinable!(payments -> accounts (account_number));
diesel::joinable!(refunds -> payments (provider_payment_id));

diesel::allow_tables_to_appear_in_same_query!(
    account_transactions,
    accounts,
    disputes,
    events,
    faults,
    payments,
    refunds,
);
