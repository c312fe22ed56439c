CREATE SCHEMA payment;

CREATE TABLE payment.payments (
    id                  uuid        PRIMARY KEY,
    pledge_id           uuid        NOT NULL,
    campaign_id         uuid        NOT NULL,
    provider            text        NOT NULL,
    provider_payment_id text,
    status              text        NOT NULL CHECK (status IN
                            ('pending', 'failed', 'authorized', 'captured', 'refunded')),
    closed              boolean     NOT NULL DEFAULT false,
    amount_minor        bigint      NOT NULL CHECK (amount_minor > 0),
    currency            text        NOT NULL,
    captured_minor      bigint      NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    refunded_minor      bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    disputed_minor      bigint      NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
    amount_mismatch     boolean     NOT NULL DEFAULT false,
    capture_method      text        NOT NULL,
    request             jsonb       NOT NULL,
    client_secret       text,
    checkout_url        text,
    donor_hash          text        NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    version             bigint      NOT NULL DEFAULT 1,
    -- when the provider was last about to be asked for it
    called_at           timestamptz,
    UNIQUE (provider, provider_payment_id),
    CHECK (refunded_minor + disputed_minor <= captured_minor)
) WITH (fillfactor = 85);

CREATE INDEX payments_pledge ON payment.payments (pledge_id);

-- What the provider has said, each word once. Never changed, never deleted.
CREATE TABLE payment.facts (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id        uuid        NOT NULL REFERENCES payment.payments (id),
    kind              text        NOT NULL,
    reference         text        NOT NULL,
    state             text        NOT NULL,
    amount_minor      bigint      NOT NULL,
    provider_event_id text,
    recorded_at       timestamptz NOT NULL,
    UNIQUE (payment_id, kind, reference, state)
);

-- The differences of the effective amounts, version by version. Their sum is the payment.
CREATE TABLE payment.ledger (
    payment_id  uuid        NOT NULL REFERENCES payment.payments (id),
    version     bigint      NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('captured', 'refunded', 'disputed')),
    delta_minor bigint      NOT NULL CHECK (delta_minor <> 0),
    currency    text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (payment_id, version, kind)
);

-- Every decision, also the ones that changed nothing.
CREATE TABLE payment.history (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id        uuid        NOT NULL REFERENCES payment.payments (id),
    version           bigint      NOT NULL,
    from_status       text,
    to_status         text        NOT NULL,
    event             text        NOT NULL,
    source            text        NOT NULL CHECK (source IN ('webhook', 'api', 'sweeper', 'admin')),
    provider_event_id text,
    decision          text        NOT NULL,
    reason            text,
    captured_minor    bigint      NOT NULL,
    refunded_minor    bigint      NOT NULL,
    disputed_minor    bigint      NOT NULL,
    trace_id          text,
    occurred_at       timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL
);

CREATE INDEX history_payment ON payment.history (payment_id, id);

CREATE FUNCTION payment.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment.facts
    FOR EACH STATEMENT EXECUTE FUNCTION payment.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment.ledger
    FOR EACH STATEMENT EXECUTE FUNCTION payment.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment.history
    FOR EACH STATEMENT EXECUTE FUNCTION payment.refuse_change();

-- Webhooks, stored before they are acknowledged and applied after.
CREATE TABLE payment.webhook_inbox (
    id                  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider            text        NOT NULL,
    event_id            text        NOT NULL,
    event_type          text        NOT NULL,
    provider_payment_id text,
    payment_id          uuid,
    body                bytea       NOT NULL,
    body_hash           bytea       NOT NULL,
    status              text        NOT NULL CHECK (status IN
                            ('pending', 'applied', 'ignored', 'deferred', 'quarantined', 'dead')),
    reason              text,
    attempts            integer     NOT NULL DEFAULT 0,
    next_attempt_at     timestamptz,
    trace_context       text,
    received_at         timestamptz NOT NULL,
    processed_at        timestamptz,
    UNIQUE (provider, event_id)
) WITH (fillfactor = 85);

-- What the worker looks for. Both are small: rows leave them as they are settled.
CREATE INDEX webhook_inbox_pending ON payment.webhook_inbox (id) WHERE status = 'pending';
CREATE INDEX webhook_inbox_due ON payment.webhook_inbox (next_attempt_at)
    WHERE status = 'deferred';
-- What waits for a payment, and what waits for a person.
CREATE INDEX webhook_inbox_waiting ON payment.webhook_inbox (payment_id)
    WHERE status = 'deferred';
CREATE INDEX webhook_inbox_waiting_provider ON payment.webhook_inbox (provider_payment_id)
    WHERE status = 'deferred';
CREATE INDEX webhook_inbox_stuck ON payment.webhook_inbox (status, id)
    WHERE status IN ('deferred', 'quarantined', 'dead');

-- Payments that have to be cancelled at their provider because their pledge was.
CREATE TABLE payment.cancel_intents (
    payment_id      uuid        PRIMARY KEY REFERENCES payment.payments (id),
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    done_at         timestamptz
);

CREATE INDEX cancel_intents_due ON payment.cancel_intents (next_attempt_at) WHERE done_at IS NULL;
