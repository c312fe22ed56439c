DROP INDEX bus.parked_event_dead_by_id;
