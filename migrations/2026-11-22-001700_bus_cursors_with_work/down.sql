DROP FUNCTION bus.claim_among(text, int, smallint[]);

DROP FUNCTION bus.sequence(int, boolean);
CREATE FUNCTION bus.sequence(batch int, whole boolean)
RETURNS TABLE (moved bigint, strays bigint, types text[]) LANGUAGE plpgsql
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
        RETURN QUERY SELECT 0::bigint, 0::bigint, '{}'::text[];  -- another replica sequences
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
    SELECT count(*), count(*) FILTER (WHERE t.id <= head.floor), max(t.id),
           coalesce(array_agg(DISTINCT t.type), '{}')
      INTO moved, strays, top, types FROM taken t;

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
