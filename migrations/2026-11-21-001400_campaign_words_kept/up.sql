-- The words of title and description, kept with the row. Where a word is common, lists walk the
-- index of their order and look at the words of each row on the way; to split and stem the text for
-- that each time took 100 to 300 ms among 100,000 campaigns.
-- The table is written anew under an exclusive lock: once, and it is small (some seconds for
-- 100,000 campaigns). Whoever waits longer than their lock_timeout is answered 503.
ALTER TABLE campaign.campaigns ADD COLUMN words tsvector NOT NULL
    GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || description)) STORED;
