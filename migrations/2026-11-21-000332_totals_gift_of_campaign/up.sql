-- Counting one campaign anew, when the books are compared.
CREATE INDEX CONCURRENTLY gift_campaign ON totals.gift (campaign_id);
