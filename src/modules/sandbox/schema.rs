//! Its own tables.

diesel::table! {
    sandbox.accounts (account_number) {
        account_number -> Text,
        owner_name -> Text,
        currency -> Text,
        balance_minor -> BigInt,
        held_minor -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sandbox.account_transactions (id) {
        id -> BigInt,
        account_number -> Text,
        provider_payment_id -> Nullable<Text>,
        kind -> Text,
        amount_minor -> BigInt,
        balance_minor -> BigInt,
        held_minor -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sandbox.payments (id) {
        id -> Text,
        payment_id -> Uuid,
        amount_minor -> BigInt,
        currency -> Text,
        capture_method -> Text,
        status -> Text,
        captured_minor -> BigInt,
        refunded_minor -> BigInt,
        captures -> Integer,
        behaviour -> Nullable<Text>,
        account_number -> Nullable<Text>,
        hold_expires_at -> Nullable<Timestamptz>,
        client_secret -> Text,
        idempotency_key -> Text,
        created_with -> Nullable<Text>,
        create_decline -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sandbox.events (seq) {
        seq -> BigInt,
        event_id -> Text,
        provider_payment_id -> Text,
        #[sql_name = "type"]
        event_type -> Text,
        body -> Text,
        trace_context -> Nullable<Text>,
        created_at -> Timestamptz,
        copies -> Integer,
        after_event -> Nullable<Text>,
        after_acknowledged -> Bool,
        attempts -> Integer,
        next_attempt_at -> Nullable<Timestamptz>,
        delivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sandbox.faults (id) {
        id -> BigInt,
        operation -> Text,
        kind -> Text,
        times_left -> Integer,
        delay_ms -> Integer,
        created_at -> Timestamptz,
    }
}
