-- Secrets that were made here because none was configured; kept so that replicas agree.
CREATE TABLE bus.secret (
    name       text PRIMARY KEY,
    value      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
