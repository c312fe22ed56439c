-- The history of a guest, newest first.
CREATE INDEX CONCURRENTLY pledges_guest ON pledge.pledges (donor_email, id) WHERE user_id IS NULL;
