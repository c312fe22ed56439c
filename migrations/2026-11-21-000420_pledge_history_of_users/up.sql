-- The history of a signed-in donor, newest first.
CREATE INDEX CONCURRENTLY pledges_user ON pledge.pledges (user_id, id) WHERE user_id IS NOT NULL;
