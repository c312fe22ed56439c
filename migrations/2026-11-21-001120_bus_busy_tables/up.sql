-- Keys live for a day: the table turns over, and what the reaper deletes has to become free space
-- before the next day's keys need it.
ALTER TABLE bus.idempotency_key SET (autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05);
