-- One row for every request that creates or moves money. A row is unfinished (a lease runs) or
-- finished (the response is there).
CREATE TABLE bus.idempotency_key (
    scope           text        NOT NULL,
    key             text        NOT NULL,
    fingerprint     bytea       NOT NULL,
    attempt         integer     NOT NULL DEFAULT 1,
    lease_until     timestamptz,
    recovery_point  jsonb,
    response_status smallint,
    response_body   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    PRIMARY KEY (scope, key),
    CHECK ((finished_at IS NULL) = (response_status IS NULL)),
    CHECK ((finished_at IS NULL) = (lease_until IS NOT NULL))
);

-- The reaper looks for old finished keys. Rows come in the order of time, so a BRIN, which costs
-- next to nothing at insert, is enough.
CREATE INDEX idempotency_key_finished_at ON bus.idempotency_key USING brin (finished_at);
