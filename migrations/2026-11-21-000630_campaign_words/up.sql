-- Searching title and description. Over an expression rather than a column: the table is not
-- written anew, and its rows stay small.
CREATE INDEX CONCURRENTLY campaigns_words ON campaign.campaigns
 USING gin (to_tsvector('english', title || ' ' || description));
