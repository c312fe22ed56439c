ALTER TABLE bus.idempotency_key RESET (autovacuum_vacuum_cost_delay);
