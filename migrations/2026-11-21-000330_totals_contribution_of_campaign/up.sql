-- Summing one campaign anew, when the books are compared.
CREATE INDEX CONCURRENTLY contribution_campaign ON totals.contribution (campaign_id);
