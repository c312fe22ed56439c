-- Pledges that may have to be given up, oldest first. Those that are paid leave it.
CREATE INDEX CONCURRENTLY pledges_unpaid ON pledge.pledges (created_at)
    WHERE status IN ('pending', 'failed');
