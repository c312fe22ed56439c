-- As payment_unhurried_vacuum. The outbox, the cursors and the head of the log, small and always
-- changing, are vacuumed without any rest, as before.
ALTER TABLE bus.idempotency_key SET (autovacuum_vacuum_cost_delay = 20);
