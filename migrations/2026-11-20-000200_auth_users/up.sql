-- People with an account, and the sessions they are signed in with.
CREATE SCHEMA auth;

CREATE TABLE auth.users (
    id            uuid PRIMARY KEY,
    -- trimmed and in lower case (kernel::email): one address is one account
    email         text        NOT NULL UNIQUE,
    -- Argon2id, PHC string
    password_hash text        NOT NULL,
    name          text        NOT NULL,
    role          text        NOT NULL DEFAULT 'donor' CHECK (role IN ('donor', 'admin')),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    version       bigint      NOT NULL DEFAULT 1
);

-- A session is a family of tokens, each used once to get the next.
CREATE TABLE auth.refresh_tokens (
    id         uuid PRIMARY KEY,
    -- all that descend from the same sign-in; the `sid` of its access tokens
    family_id  uuid        NOT NULL,
    user_id    uuid        NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    -- SHA-256: what leaks from here signs nobody in
    token_hash bytea       NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz
);

CREATE INDEX refresh_tokens_family_id_idx ON auth.refresh_tokens (family_id);
CREATE INDEX refresh_tokens_user_id_idx ON auth.refresh_tokens (user_id);
