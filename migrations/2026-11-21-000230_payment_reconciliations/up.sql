-- What came of comparing a stretch of time with a provider's books.
CREATE TABLE payment.reconciliations (
    provider    text        NOT NULL,
    from_at     timestamptz NOT NULL,
    to_at       timestamptz NOT NULL,
    -- the lease of the replica that compares
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    -- what is not in both books alike
    findings    integer,
    report      jsonb,
    PRIMARY KEY (provider, from_at)
);
