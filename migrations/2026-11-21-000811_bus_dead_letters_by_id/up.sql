-- The administrators' list of dead letters, newest first, however many events are merely parked.
CREATE INDEX CONCURRENTLY parked_event_dead_by_id ON bus.parked_event (id) WHERE state = 'dead';
