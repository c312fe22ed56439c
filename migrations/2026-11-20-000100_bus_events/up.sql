-- The event bus: outbox -> (sequencer) -> event_log -> (consumers). The story is told in
-- src/platform/event_bus/mod.rs; here is what the tables and the hot statements rest upon.

-- CACHE 1 (the default) matters: last_value is then the highest id that anyone has drawn.
CREATE SEQUENCE bus.outbox_id_seq AS bigint CACHE 1;

CREATE TABLE bus.outbox (
    -- The FIRST column. Defaults are evaluated in column order, so a transaction has its xid before
    -- it draws an id; the floor below is right only because of that. Inserts omit xact and id.
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint NOT NULL DEFAULT nextval('bus.outbox_id_seq'),
    event_id uuid NOT NULL,
    partition smallint NOT NULL CHECK (partition BETWEEN 0 AND 31),
    aggregate_id uuid NOT NULL,
    aggregate_version bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    trace_context text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0);
ALTER SEQUENCE bus.outbox_id_seq OWNED BY bus.outbox.id;

-- One row. `pass` grows with every update and is the only key: while a long snapshot is open no
-- dead version can be vacuumed, and the backward index scan still meets the live one first.
CREATE TABLE bus.event_head (
    pass bigint PRIMARY KEY,
    last_seq bigint NOT NULL,
    -- every outbox id <= floor is settled: moved to the log, or rolled back
    floor bigint NOT NULL,
    -- every id <= candidate_id was drawn by a transaction older than candidate_xact
    candidate_id bigint NOT NULL,
    candidate_xact xid8 NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0);
INSERT INTO bus.event_head VALUES (0, 0, 0, 0, '3');

-- Gapless in seq; 1,000,000 events to a partition, named by seq / 1,000,000.
CREATE TABLE bus.event_log (
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    partition smallint NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_version bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    trace_context text,
    created_at timestamptz NOT NULL,
    sequenced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (seq)
) PARTITION BY RANGE (seq);

-- One row per (consumer, partition), kept so by the advisory lock of registration. A unique key on
-- the two alone would make each update walk all dead versions of its row (see event_head): the
-- position is in the key, and the newest version is found by it.
CREATE TABLE bus.consumer_cursor (
    consumer text NOT NULL,
    partition smallint NOT NULL CHECK (partition BETWEEN 0 AND 31),
    -- the seq of the last event that was applied, parked, or no concern of this consumer
    position bigint NOT NULL,
    PRIMARY KEY (consumer, partition, position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE bus.parked_event (
    id uuid NOT NULL UNIQUE,
    consumer text NOT NULL,
    partition smallint NOT NULL,
    aggregate_id uuid NOT NULL,
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    aggregate_version bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    trace_context text,
    created_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('parked', 'dead')),
    attempts int NOT NULL DEFAULT 0,
    -- only on the first event of an aggregate: the others wait for it
    next_attempt_at timestamptz,
    first_error text,
    last_error text,
    parked_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, partition, aggregate_id, seq)
);
CREATE INDEX parked_event_due ON bus.parked_event (next_attempt_at)
    WHERE state = 'parked' AND next_attempt_at IS NOT NULL;
CREATE INDEX parked_event_dead ON bus.parked_event (consumer, seq) WHERE state = 'dead';

-- The hot statements are functions for three reasons: a pass of the sequencer is one round trip, so
-- its lock is never held by a process that hangs; their planner settings stay theirs (a plan cached
-- when a table had one page would scan it whole when it has a thousand); and every statement of a
-- volatile function has its own snapshot, under read committed, as it would when sent alone.

-- Attached, not created in place: that would lock the whole log exclusively.
CREATE FUNCTION bus.add_log_partition(number bigint) RETURNS void LANGUAGE plpgsql AS $$
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
SELECT bus.add_log_partition(0), bus.add_log_partition(1);

-- One pass of the sequencer. `whole` looks below the floor too; what it finds there are strays.
--
-- Why no id is ever skipped. An id may become visible long after a higher one: the floor may pass it
-- only when its transaction is over. `drawn` is read before this transaction has an xid; whoever
-- drew an id <= drawn had its own xid before it drew (the first column of the outbox), hence before
-- our xid existed, hence a smaller one. So with candidate = (drawn, our xid): once a later pass finds
-- xmin >= candidate_xact, every transaction that drew an id <= candidate_id has ended, and the DELETE
-- of that pass, whose snapshot is younger, sees all their rows. If the batch was full there may be
-- more, yet none below the highest id it took. (pg_snapshot_xmax would not do for a candidate: it is
-- one past the highest *completed* transaction; a running one may lie above it.)
--
-- Never SKIP LOCKED on the outbox: a skipped row would be passed by its successors.
CREATE FUNCTION bus.sequence(batch int, whole boolean)
RETURNS TABLE (moved bigint, strays bigint) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    head bus.event_head;
    drawn bigint;
    newest bigint;
    settled boolean;
    low bigint;
    top bigint;
    reach bigint;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL
       OR current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'bus.sequence needs a read committed transaction of its own';
    END IF;
    -- before the sequence is first used, last_value is an id that is yet to be drawn
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END
      INTO drawn FROM bus.outbox_id_seq s;

    SELECT h.pass INTO newest FROM bus.event_head h ORDER BY h.pass DESC LIMIT 1;
    SELECT h.* INTO head FROM bus.event_head h WHERE h.pass = newest FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 0::bigint, 0::bigint;  -- another replica sequences
        RETURN;
    END IF;
    settled := pg_snapshot_xmin(pg_current_snapshot()) >= head.candidate_xact;
    low := CASE WHEN whole THEN 0 ELSE head.floor END;
    PERFORM bus.add_log_partition((head.last_seq + 1) / 1000000);
    PERFORM bus.add_log_partition((head.last_seq + batch) / 1000000);

    WITH taken AS (
        DELETE FROM bus.outbox o
         WHERE o.id > low
           AND o.id <= (SELECT max(b.id) FROM (SELECT i.id FROM bus.outbox i WHERE i.id > low
                                                ORDER BY i.id LIMIT batch) b)
        RETURNING o.*
    ), logged AS (
        INSERT INTO bus.event_log (seq, event_id, partition, aggregate_id, aggregate_version, type,
                                   payload, trace_context, created_at)
        SELECT head.last_seq + row_number() OVER (ORDER BY t.id), t.event_id, t.partition,
               t.aggregate_id, t.aggregate_version, t.type, t.payload, t.trace_context, t.created_at
          FROM taken t
    )
    SELECT count(*), count(*) FILTER (WHERE t.id <= head.floor), max(t.id)
      INTO moved, strays, top FROM taken t;

    IF moved > 0 OR settled THEN
        reach := CASE WHEN NOT settled THEN head.floor
                      WHEN moved = batch THEN least(head.candidate_id, top)
                      ELSE head.candidate_id END;
        reach := greatest(head.floor, reach);
        -- an unsettled candidate stays: replaced at every pass, it might never settle under load
        settled := settled AND reach >= head.candidate_id;
        UPDATE bus.event_head h
           SET pass = h.pass + 1,
               last_seq = h.last_seq + moved,
               floor = reach,
               candidate_id = CASE WHEN settled THEN drawn ELSE h.candidate_id END,
               candidate_xact = CASE WHEN settled THEN pg_current_xact_id() ELSE h.candidate_xact END
         WHERE h.pass = newest;
    END IF;
    RETURN NEXT;
END $$;

-- The idle poll: is there anything to sequence, which of these consumers is behind, which has
-- parked events due.
CREATE FUNCTION bus.poll(consumers text[])
RETURNS TABLE (waiting boolean, behind text[], due text[]) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    head bus.event_head;
    first_id bigint;
BEGIN
    SELECT h.* INTO head FROM bus.event_head h ORDER BY h.pass DESC LIMIT 1;
    SELECT o.id INTO first_id FROM bus.outbox o WHERE o.id > head.floor ORDER BY o.id LIMIT 1;
    -- also when only the floor can rise: the next poll is then cheaper
    waiting := first_id IS NOT NULL OR (
        head.floor < (SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END
                        FROM bus.outbox_id_seq s)
        AND pg_snapshot_xmin(pg_current_snapshot()) >= head.candidate_xact);
    behind := ARRAY(
        SELECT w FROM unnest(consumers) w
         WHERE EXISTS (SELECT FROM generate_series(0, 31) p
                        WHERE (SELECT c.position FROM bus.consumer_cursor c
                                WHERE c.consumer = w AND c.partition = p
                                ORDER BY c.position DESC LIMIT 1) < head.last_seq));
    due := ARRAY(
        SELECT DISTINCT e.consumer FROM bus.parked_event e
         WHERE e.state = 'parked' AND e.next_attempt_at <= now() AND e.consumer = ANY(consumers));
    RETURN NEXT;
END $$;

-- Locks up to `most` cursors of a consumer that are behind, the furthest behind first. Locked ones
-- are another replica's; one that moved meanwhile no longer has the position it was found by.
CREATE FUNCTION bus.claim(who text, most int)
RETURNS TABLE (part smallint, pos bigint, last_seq bigint) LANGUAGE sql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
    WITH head AS MATERIALIZED (
        SELECT h.last_seq FROM bus.event_head h ORDER BY h.pass DESC LIMIT 1
    ), newest AS MATERIALIZED (
        SELECT p::smallint AS p,
               (SELECT c.position FROM bus.consumer_cursor c
                 WHERE c.consumer = who AND c.partition = p::smallint
                 ORDER BY c.position DESC LIMIT 1) AS position
          FROM generate_series(0, 31) p
         ORDER BY 2
    )
    -- LATERAL and LIMIT 1, so that each is looked up by its whole key
    SELECT n.p, n.position, head.last_seq
      FROM head
      JOIN newest n ON n.position < head.last_seq
     CROSS JOIN LATERAL (
           SELECT FROM bus.consumer_cursor c
            WHERE c.consumer = who AND c.partition = n.p AND c.position = n.position
            LIMIT 1 FOR UPDATE SKIP LOCKED) locked
     LIMIT most
$$;

-- Moves cursors that the caller holds.
CREATE FUNCTION bus.advance(who text, parts smallint[], positions bigint[], upto bigint)
RETURNS bigint LANGUAGE sql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
    WITH moved AS (
        UPDATE bus.consumer_cursor c SET position = upto
          FROM unnest(parts, positions) AS held(part, pos)
         WHERE c.consumer = who AND c.partition = held.part AND c.position = held.pos
           AND c.position < upto
        RETURNING 1)
    SELECT count(*) FROM moved
$$;

-- Locks one cursor, for its parked events; false when another replica has it.
CREATE FUNCTION bus.lock_cursor(who text, part smallint) RETURNS boolean LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    newest bigint;
BEGIN
    SELECT c.position INTO newest FROM bus.consumer_cursor c
     WHERE c.consumer = who AND c.partition = part ORDER BY c.position DESC LIMIT 1;
    PERFORM FROM bus.consumer_cursor c
      WHERE c.consumer = who AND c.partition = part AND c.position = newest
        FOR UPDATE SKIP LOCKED;
    RETURN FOUND;
END $$;

-- The gauges. The row without a consumer is the outbox's.
CREATE FUNCTION bus.sample(consumers text[])
RETURNS TABLE (consumer text, oldest float8, lag_events float8, lag_seconds float8, dead float8)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    head bus.event_head;
BEGIN
    SELECT h.* INTO head FROM bus.event_head h ORDER BY h.pass DESC LIMIT 1;
    RETURN QUERY
    SELECT '', coalesce((SELECT extract(epoch FROM clock_timestamp() - o.created_at)::float8
                           FROM bus.outbox o WHERE o.id > head.floor ORDER BY o.id LIMIT 1), 0.0),
           0.0::float8, 0.0::float8, 0.0::float8;
    RETURN QUERY
    SELECT w, 0.0::float8, greatest(head.last_seq - lowest.position, 0)::float8,
           coalesce((SELECT extract(epoch FROM clock_timestamp() - e.created_at)::float8
                       FROM bus.event_log e WHERE e.seq = lowest.position + 1), 0.0),
           (SELECT count(*)::float8 FROM bus.parked_event d
             WHERE d.consumer = w AND d.state = 'dead')
      FROM unnest(consumers) w, LATERAL (
           SELECT min((SELECT c.position FROM bus.consumer_cursor c
                        WHERE c.consumer = w AND c.partition = p
                        ORDER BY c.position DESC LIMIT 1)) AS position
             FROM generate_series(0, 31) p) lowest
     WHERE lowest.position IS NOT NULL;
END $$;

-- Drops the partitions of the log that every cursor has passed and whose last event is older than
-- `keep`. Dropping locks the log exclusively: it gives up soon, and the next round tries again.
CREATE FUNCTION bus.expire_log(keep interval) RETURNS int LANGUAGE plpgsql
SET lock_timeout = '200ms' AS $$
DECLARE
    passed bigint;
    name text;
    upper_seq bigint;
    last_at timestamptz;
    dropped int := 0;
BEGIN
    SELECT min(c.position) INTO passed FROM bus.consumer_cursor c;
    FOR name, upper_seq IN
        SELECT c.relname, (substring(c.relname FROM '\d+$')::bigint + 1) * 1000000 - 1
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'bus.event_log'::regclass ORDER BY 2
    LOOP
        EXIT WHEN passed IS NULL OR upper_seq > passed;
        EXECUTE format('SELECT sequenced_at FROM bus.%I ORDER BY seq DESC LIMIT 1', name)
           INTO last_at;
        EXIT WHEN last_at IS NULL OR last_at > now() - keep;
        EXECUTE format('DROP TABLE bus.%I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
