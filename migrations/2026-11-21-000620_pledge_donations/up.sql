-- The gifts that a campaign shows, newest first.
CREATE INDEX CONCURRENTLY pledges_donations ON pledge.pledges (campaign_id, captured_at, id)
 WHERE captured_at IS NOT NULL;
