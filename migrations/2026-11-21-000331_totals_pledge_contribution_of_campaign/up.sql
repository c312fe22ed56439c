-- Summing one campaign anew, when the books are compared.
CREATE INDEX CONCURRENTLY pledge_contribution_campaign ON totals.pledge_contribution (campaign_id);
