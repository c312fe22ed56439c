-- What needs several modules, and is kept: when the books were last compared, and with what result.
CREATE SCHEMA admin;

CREATE TABLE admin.reconciliation (
    -- 'changes': what the bus told of since; 'all': everything
    kind        text PRIMARY KEY CHECK (kind IN ('changes', 'all')),
    -- due then; whoever takes the run pushes it ahead, so that one replica at a time does it
    next_at     timestamptz NOT NULL DEFAULT now(),
    -- of the bus's log: everything up to here has been found clean
    checked_seq bigint      NOT NULL DEFAULT 0,
    finished_at timestamptz,
    -- how many drifts the last finished run left, by check
    drift       jsonb       NOT NULL DEFAULT '{}'
);
INSERT INTO admin.reconciliation (kind) VALUES ('changes'), ('all');

-- What had been raised in all when a day (UTC) began: the figures of the day are what came since.
CREATE TABLE admin.opening (
    day      date PRIMARY KEY,
    taken_at timestamptz NOT NULL,
    -- by currency
    raised   jsonb       NOT NULL
);
