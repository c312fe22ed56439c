-- The platform's own schema: outbox, event log, cursors, idempotency keys, secrets.
CREATE SCHEMA bus;
