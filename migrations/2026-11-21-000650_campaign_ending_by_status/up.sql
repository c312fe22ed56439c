-- The same within one status.
CREATE INDEX CONCURRENTLY campaigns_ending_by_status ON campaign.campaigns
       (status, (coalesce(ends_at, 'infinity')), id);
