-- When the first money for it was captured: its place in the campaign's public list. It never
-- changes, so that a page's cursor stays where it is.
ALTER TABLE pledge.pledges ADD COLUMN captured_at timestamptz;
