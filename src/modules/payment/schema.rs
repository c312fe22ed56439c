//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.

diesel::table! {
    payment.cancel_intents (payment_id) {
        payment_id -> Uuid,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        done_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payment.checks (payment_id) {
        payment_id -> Uuid,
        next_check_at -> Timestamptz,
        looks -> Int4,
    }
}

diesel::table! {
    payment.facts (id) {
        id -> Int8,
        payment_id -> Uuid,
        kind -> Text,
        reference -> Text,
        state -> Text,
        amount_minor -> Int8,
        provider_event_id -> Nullable<Text>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    payment.history (id) {
        id -> Int8,
        payment_id -> Uuid,
        version -> Int8,
        from_status -> Nullable<Text>,
        to_status -> Text,
        event -> Text,
        source -> Text,
        provider_event_id -> Nullable<Text>,
        decision -> Text,
        reason -> Nullable<Text>,
        captured_minor -> Int8,
        refunded_minor -> Int8,
        disputed_minor -> Int8,
        trace_id -> Nullable<Text>,
        occurred_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    payment.ledger (payment_id, version, kind) {
        payment_id -> Uuid,
        version -> Int8,
        kind -> Text,
        delta_minor -> Int8,
        currency -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    payment.payments (id) {
        id -> Uuid,
        pledge_id -> Uuid,
        campaign_id -> Uuid,
        provider -> Text,
        provider_payment_id -> Nullable<Text>,
        status -> Text,
        closed -> Bool,
        amount_minor -> Int8,
        currency -> Text,
        captured_minor -> Int8,
        refunded_minor -> Int8,
        disputed_minor -> Int8,
        amount_mismatch -> Bool,
        capture_method -> Text,
        request -> Jsonb,
        client_secret -> Nullable<Text>,
        checkout_url -> Nullable<Text>,
        donor_hash -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int8,
        called_at -> Nullable<Timestamptz>,
        create_attempt -> Int4,
        create_calls -> Int4,
        keyed_at -> Nullable<Timestamptz>,
        answered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payment.provider_cursors (provider) {
        provider -> Text,
        cursor -> Nullable<Text>,
        since -> Timestamptz,
        next_poll_at -> Timestamptz,
        read_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payment.reconciliations (provider, from_at) {
        provider -> Text,
        from_at -> Timestamptz,
        to_at -> Timestamptz,
        started_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        findings -> Nullable<Int4>,
        report -> Nullable<Jsonb>,
    }
}

diesel::table! {
    payment.refund_runs (id) {
        id -> Uuid,
        campaign_id -> Uuid,
        requested_by -> Uuid,
        reason -> Text,
        cursor -> Nullable<Uuid>,
        skipped -> Int8,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        done_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payment.refunds (id) {
        id -> Uuid,
        payment_id -> Uuid,
        provider -> Text,
        provider_refund_id -> Nullable<Text>,
        amount_minor -> Int8,
        currency -> Text,
        status -> Text,
        reason -> Nullable<Text>,
        requested_by -> Nullable<Uuid>,
        request -> Jsonb,
        key_number -> Int4,
        attempts -> Int4,
        called_at -> Nullable<Timestamptz>,
        next_attempt_at -> Timestamptz,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        run_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    payment.webhook_inbox (id) {
        id -> Int8,
        provider -> Text,
        event_id -> Text,
        event_type -> Text,
        provider_payment_id -> Nullable<Text>,
        payment_id -> Nullable<Uuid>,
        body -> Bytea,
        body_hash -> Bytea,
        status -> Text,
        reason -> Nullable<Text>,
        attempts -> Int4,
        next_attempt_at -> Nullable<Timestamptz>,
        trace_context -> Nullable<Text>,
        received_at -> Timestamptz,
        processed_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(cancel_intents -> payments (payment_id));
diesel::joinable!(checks -> payments (payment_id));
diesel::joinable!(facts -> payments (payment_id));
diesel::joinable!(history -> payments (payment_id));
diesel::joinable!(ledger -> payments (payment_id));
diesel::joinable!(refunds -> payments (payment_id));

diesel::allow_tables_to_appear_in_same_query!(
    cancel_intents,
    checks,
    facts,
    history,
    ledger,
    payments,
    provider_cursors,
    reconciliations,
    refund_runs,
    refunds,
    webhook_inbox,
);
