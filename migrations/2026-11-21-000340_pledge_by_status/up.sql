-- The administrators' list, newest first.
CREATE INDEX CONCURRENTLY pledges_status ON pledge.pledges (status, id);
