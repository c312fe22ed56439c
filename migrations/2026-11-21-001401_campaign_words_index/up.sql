-- Where a word is rare. `campaigns_words`, over the expression, is what replicas of the former
-- release ask; a later release drops it.
CREATE INDEX CONCURRENTLY campaigns_words_kept ON campaign.campaigns USING gin (words);
