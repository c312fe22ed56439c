ALTER TABLE pledge.pledges DROP COLUMN captured_at;
