-- What the bank gives back: refunds, which the merchant asks for, and disputes, which it decides.
CREATE TABLE sandbox.refunds (
    id text PRIMARY KEY,
    provider_payment_id text NOT NULL REFERENCES sandbox.payments,
    -- ours, from the metadata; none of a refund made at the bank's own counter
    refund_id uuid,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    status text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    -- the same key gets the same refund
    idempotency_key text UNIQUE,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX refunds_by_payment ON sandbox.refunds (provider_payment_id, id);

CREATE TABLE sandbox.disputes (
    id text PRIMARY KEY,
    provider_payment_id text NOT NULL REFERENCES sandbox.payments,
    -- may be more than was captured
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    -- an inquiry asks, and moves no money
    status text NOT NULL CHECK (status IN ('inquiry', 'open', 'won', 'lost')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX disputes_by_payment ON sandbox.disputes (provider_payment_id, id);

-- for the list of payments made in a time
CREATE INDEX payments_by_creation ON sandbox.payments (created_at, id);

-- validated at once: the bank is never part of production, and its tables are small
ALTER TABLE sandbox.account_transactions DROP CONSTRAINT account_transactions_kind_check;
ALTER TABLE sandbox.account_transactions ADD CONSTRAINT account_transactions_kind_check
    CHECK (kind IN ('deposit', 'hold', 'capture', 'release', 'refund'));

ALTER TABLE sandbox.faults DROP CONSTRAINT faults_operation_check;
ALTER TABLE sandbox.faults ADD CONSTRAINT faults_operation_check CHECK (operation IN
    ('create', 'cancel', 'capture', 'refund', 'retrieve', 'find', 'events', 'payments'));
