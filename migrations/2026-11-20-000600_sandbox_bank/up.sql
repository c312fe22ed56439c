-- The simulated bank. It knows nothing of donations: our ids are metadata to it.
CREATE SCHEMA sandbox;

CREATE TABLE sandbox.accounts (
    account_number text PRIMARY KEY CHECK (account_number ~ '^[0-9]{12}$'),
    owner_name text NOT NULL,
    currency text NOT NULL,
    balance_minor bigint NOT NULL CHECK (balance_minor >= 0),
    held_minor bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE sandbox.payments (
    id text PRIMARY KEY,
    -- ours, from the metadata; not unique, as at a real provider
    payment_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    capture_method text NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    status text NOT NULL
        CHECK (status IN ('awaiting_method', 'processing', 'authorized', 'captured', 'canceled')),
    captured_minor bigint NOT NULL CHECK (captured_minor BETWEEN 0 AND amount_minor),
    refunded_minor bigint NOT NULL CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    captures integer NOT NULL CHECK (captures >= 0),
    -- what the payment method last confirmed with makes the bank do
    behaviour text,
    account_number text REFERENCES sandbox.accounts,
    hold_expires_at timestamptz,
    client_secret text NOT NULL,
    idempotency_key text NOT NULL UNIQUE,
    -- the request's payment method and its outcome: the same key gets the same answer
    created_with text,
    create_decline text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX payments_by_payment_id ON sandbox.payments (payment_id, id);
CREATE INDEX payments_by_expiry ON sandbox.payments (hold_expires_at) WHERE status = 'authorized';

CREATE TABLE sandbox.account_transactions (
    id bigserial PRIMARY KEY,
    account_number text NOT NULL REFERENCES sandbox.accounts,
    provider_payment_id text REFERENCES sandbox.payments,
    kind text NOT NULL CHECK (kind IN ('deposit', 'hold', 'capture', 'release')),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    balance_minor bigint NOT NULL,
    held_minor bigint NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX account_transactions_by_account ON sandbox.account_transactions (account_number, id);

CREATE FUNCTION sandbox.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sandbox.account_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION sandbox.refuse_change();

-- What the bank has to say, and how far it has got in saying it. Written in the transaction of the
-- act, so that a crash loses none.
CREATE TABLE sandbox.events (
    seq bigserial PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    provider_payment_id text NOT NULL REFERENCES sandbox.payments,
    type text NOT NULL,
    -- text, not jsonb: the signature is over these very bytes
    body text NOT NULL,
    trace_context text,
    created_at timestamptz NOT NULL,
    -- how many times it is sent at once; 0: only listed, never sent
    copies integer NOT NULL CHECK (copies BETWEEN 0 AND 100),
    -- the event that has to be sent before this one, and whether it has to be acknowledged
    after_event text,
    after_acknowledged boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    -- absent: delivered, given up, or waiting for another event. Pushed ahead while it is being
    -- sent: the lease of the replica that sends it
    next_attempt_at timestamptz,
    delivered_at timestamptz
);
CREATE INDEX events_due ON sandbox.events (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX events_waiting ON sandbox.events (after_event)
    WHERE after_event IS NOT NULL AND attempts = 0;
CREATE INDEX events_by_payment ON sandbox.events (provider_payment_id, seq);

-- What is to go wrong on purpose, for tests and demonstrations.
CREATE TABLE sandbox.faults (
    id bigserial PRIMARY KEY,
    operation text NOT NULL CHECK (operation IN ('create', 'cancel', 'retrieve')),
    kind text NOT NULL CHECK (kind IN ('fail', 'lose_answer', 'delay')),
    times_left integer NOT NULL CHECK (times_left >= 0),
    delay_ms integer NOT NULL CHECK (delay_ms BETWEEN 0 AND 60000),
    created_at timestamptz NOT NULL
);
CREATE INDEX faults_live ON sandbox.faults (operation, id) WHERE times_left > 0;
