-- Mail to send. Written in the transaction that wants it sent, carried out by whichever replica
-- takes it (platform::mailer). Once it is sent or given up, what it said is wiped: it may have held
-- a token.
CREATE TABLE bus.mail (
    id              uuid        PRIMARY KEY,
    recipient       text        NOT NULL,
    subject         text        NOT NULL,
    -- empty once the mail is final
    body            text        NOT NULL,
    created_at      timestamptz NOT NULL,
    -- it is of no use afterwards: what it speaks of has expired
    useful_until    timestamptz NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    -- also the lease of whoever is sending it
    next_attempt_at timestamptz NOT NULL,
    sent_at         timestamptz,
    failed_at       timestamptz,
    -- why it was not sent, or not yet
    reason          text,
    CHECK (sent_at IS NULL OR failed_at IS NULL),
    CHECK ((body = '') = (sent_at IS NOT NULL OR failed_at IS NOT NULL)),
    CHECK (failed_at IS NULL OR reason IS NOT NULL)
);

CREATE INDEX mail_due ON bus.mail (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX mail_created ON bus.mail (created_at);
