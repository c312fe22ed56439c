-- The administrators' list of one user's pledges.
CREATE INDEX CONCURRENTLY pledges_user ON pledge.pledges (user_id, id) WHERE user_id IS NOT NULL;
