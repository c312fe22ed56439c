-- As bus.claim, which older replicas call, and limited to some partitions: to claim and move all 32
-- cursors of a consumer for events of a few campaigns took a tenth of Postgres' time under load. Those
-- that nothing concerns are moved by the passes that the poll asks for, several a second. It tells of
-- those too that somebody else holds, who may have read the end of the log too early.
CREATE FUNCTION bus.claim_among(who text, most int, among smallint[])
RETURNS TABLE (part smallint, pos bigint, last_seq bigint, held boolean) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
DECLARE
    newest bigint;
BEGIN
    SELECT h.last_seq INTO newest FROM bus.event_head h ORDER BY h.pass DESC LIMIT 1;
    RETURN QUERY
    WITH latest AS MATERIALIZED (
        SELECT p,
               (SELECT c.position FROM bus.consumer_cursor c
                 WHERE c.consumer = who AND c.partition = p
                 ORDER BY c.position DESC LIMIT 1) AS position
          FROM unnest(among) p
         ORDER BY 2
    ), free AS MATERIALIZED (
        -- LATERAL and LIMIT 1, so that each is looked up by its whole key
        SELECT l.p, l.position
          FROM latest l
         CROSS JOIN LATERAL (
               SELECT FROM bus.consumer_cursor c
                WHERE c.consumer = who AND c.partition = l.p AND c.position = l.position
                LIMIT 1 FOR UPDATE SKIP LOCKED) locked
         WHERE l.position < newest
         LIMIT most
    )
    SELECT f.p, f.position, newest, true FROM free f
     UNION ALL
    SELECT l.p, l.position, newest, false
      FROM latest l
     WHERE l.position < newest AND l.p <> ALL (ARRAY(SELECT f.p FROM free f))
       AND (SELECT count(*) FROM free) < most;
END $$;

-- As it was, and it tells in which partitions the events lie that it has moved, and whether it left
-- them to another pass, which may have looked too early. The argument stands in bus_events/up.sql.
DROP FUNCTION bus.sequence(int, boolean);
CREATE FUNCTION bus.sequence(batch int, whole boolean)
RETURNS TABLE (moved bigint, strays bigint, types text[], partitions smallint[],
              skipped boolean) LANGUAGE plpgsql
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
        RETURN QUERY SELECT 0::bigint, 0::bigint, '{}'::text[], '{}'::smallint[], true;
        RETURN;
    END IF;
    skipped := false;
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
           coalesce(array_agg(DISTINCT t.type), '{}'),
           coalesce(array_agg(DISTINCT t.partition), '{}')
      INTO moved, strays, top, types, partitions FROM taken t;

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
