DROP FUNCTION bus.expire_log, bus.sample, bus.lock_cursor, bus.advance, bus.claim, bus.poll, bus.sequence,
    bus.add_log_partition;
DROP TABLE bus.parked_event, bus.consumer_cursor, bus.event_log, bus.event_head, bus.outbox;
