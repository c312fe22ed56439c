-- An address is proven when its owner has used a token that was mailed to it.
ALTER TABLE auth.users ADD COLUMN email_verified_at timestamptz;

-- What was mailed to somebody, to be used once: to prove an address, to set a new password, to see
-- a guest's gifts.
CREATE TABLE auth.mailed_tokens (
    id         uuid PRIMARY KEY,
    purpose    text        NOT NULL CHECK (purpose IN ('verify_email', 'password_reset', 'magic_link')),
    -- none for a guest's magic link
    user_id    uuid        REFERENCES auth.users (id) ON DELETE CASCADE,
    email      text        NOT NULL,
    -- SHA-256
    token_hash bytea       NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CHECK ((user_id IS NULL) = (purpose = 'magic_link'))
);

CREATE INDEX mailed_tokens_email ON auth.mailed_tokens (email, created_at);
CREATE INDEX mailed_tokens_user ON auth.mailed_tokens (user_id);
CREATE INDEX mailed_tokens_expires ON auth.mailed_tokens (expires_at);

-- Requests for such mail by somebody who is not signed in. The request only leaves a row, the same
-- for every address; whether the address is known is found out afterwards, so that the time of the
-- answer tells nothing.
CREATE TABLE auth.mail_requests (
    id           uuid PRIMARY KEY,
    purpose      text        NOT NULL CHECK (purpose IN ('password_reset', 'magic_link')),
    email        text        NOT NULL,
    requested_at timestamptz NOT NULL
);

CREATE TABLE auth.api_keys (
    id           uuid PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    name         text        NOT NULL,
    -- how its owner recognises it: the first characters
    prefix       text        NOT NULL,
    -- SHA-256
    secret_hash  bytea       NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

CREATE INDEX api_keys_user ON auth.api_keys (user_id, id);

-- How fast passwords may be guessed, by account, by address, and by both; see model/guard.rs.
CREATE TABLE auth.sign_in_limits (
    -- a hash: whose the limit is
    key         bytea PRIMARY KEY,
    spent_until timestamptz NOT NULL,
    -- when somebody last signed in to this account from this address
    trusted_at  timestamptz
);

CREATE INDEX sign_in_limits_spent ON auth.sign_in_limits (spent_until);

-- The keys that verify tokens, and those of them that sign. A configured key has its public half
-- here only.
CREATE TABLE auth.signing_keys (
    -- thumbprint, RFC 7638
    id             text PRIMARY KEY,
    -- base64url
    public_key     text        NOT NULL,
    private_pem    text,
    created_at     timestamptz NOT NULL,
    -- published before it signs, so that everybody who verifies knows it by then
    signs_from     timestamptz NOT NULL,
    -- none while it may sign
    verifies_until timestamptz
);
