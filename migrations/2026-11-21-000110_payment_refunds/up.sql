-- What we have asked providers to give back. A row is a reservation of its amount from the moment
-- it is committed until it is decided; it is written under the lock of its payment, before the
-- provider hears of it.
CREATE TABLE payment.refunds (
    id                 uuid        PRIMARY KEY,
    payment_id         uuid        NOT NULL REFERENCES payment.payments (id),
    provider           text        NOT NULL,
    provider_refund_id text,
    amount_minor       bigint      NOT NULL CHECK (amount_minor > 0),
    currency           text        NOT NULL,
    status             text        NOT NULL CHECK (status IN
                           ('requested', 'pending', 'succeeded', 'failed')),
    reason             text,
    -- the administrator; absent when it was made by policy
    requested_by       uuid,
    -- the exact request that the provider is sent
    request            jsonb       NOT NULL,
    -- the provider's key is re_<id>, then re_<id>_2, …
    key_number         integer     NOT NULL DEFAULT 1 CHECK (key_number >= 1),
    -- how often it was taken up: fences out whoever was slower
    attempts           integer     NOT NULL DEFAULT 1,
    -- when the provider was last about to be asked for it
    called_at          timestamptz,
    -- while it is requested: when it is taken up again; pushed ahead while somebody works on it
    next_attempt_at    timestamptz NOT NULL,
    last_error         text,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    UNIQUE (provider, provider_refund_id)
) WITH (fillfactor = 85);

CREATE INDEX refunds_payment ON payment.refunds (payment_id);
CREATE INDEX refunds_due ON payment.refunds (next_attempt_at) WHERE status = 'requested';
-- by policy a payment is refunded once
CREATE UNIQUE INDEX refunds_by_policy ON payment.refunds (payment_id) WHERE requested_by IS NULL;
