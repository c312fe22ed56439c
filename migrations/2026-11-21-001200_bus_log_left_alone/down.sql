DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT i.inhrelid::regclass::text FROM pg_inherits i
                 WHERE i.inhparent = 'bus.event_log'::regclass
    LOOP
        EXECUTE format('ALTER TABLE %s RESET (autovacuum_enabled)', name);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION bus.add_log_partition(number bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'event_log_' || lpad(number::text, 6, '0');
BEGIN
    IF to_regclass('bus.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('bus.add_log_partition'));
    IF to_regclass('bus.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE bus.%I (LIKE bus.event_log INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE bus.event_log ATTACH PARTITION bus.%I FOR VALUES FROM (%s) TO (%s)',
                   name, number * 1000000, (number + 1) * 1000000);
END $$;
