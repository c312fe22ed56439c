-- What runs, the earliest end first, what has no end last.
CREATE INDEX CONCURRENTLY campaigns_ending ON campaign.campaigns
       ((coalesce(ends_at, 'infinity')), id) WHERE status IN ('active', 'paused');
