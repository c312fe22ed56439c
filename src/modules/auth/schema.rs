//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.

diesel::table! {
    auth.api_keys (id) {
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        prefix -> Text,
        secret_hash -> Bytea,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    auth.mail_requests (id) {
        id -> Uuid,
        purpose -> Text,
        email -> Text,
        requested_at -> Timestamptz,
    }
}

diesel::table! {
    auth.mailed_tokens (id) {
        id -> Uuid,
        purpose -> Text,
        user_id -> Nullable<Uuid>,
        email -> Text,
        token_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    auth.refresh_tokens (id) {
        id -> Uuid,
        family_id -> Uuid,
        user_id -> Uuid,
        token_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    auth.sign_in_limits (key) {
        key -> Bytea,
        spent_until -> Timestamptz,
        trusted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    auth.signing_keys (id) {
        id -> Text,
        public_key -> Text,
        private_pem -> Nullable<Text>,
        created_at -> Timestamptz,
        signs_from -> Timestamptz,
        verifies_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    auth.users (id) {
        id -> Uuid,
        email -> Text,
        password_hash -> Text,
        name -> Text,
        role -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int8,
        suspended_at -> Nullable<Timestamptz>,
        email_verified_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(api_keys -> users (user_id));
diesel::joinable!(mailed_tokens -> users (user_id));
diesel::joinable!(refresh_tokens -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    mail_requests,
    mailed_tokens,
    refresh_tokens,
    sign_in_limits,
    signing_keys,
    users,
);
