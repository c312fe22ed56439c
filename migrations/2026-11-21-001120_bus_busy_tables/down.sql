ALTER TABLE bus.idempotency_key RESET (autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_insert_scale_factor);
