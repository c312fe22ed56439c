DROP TRIGGER add_funding ON campaign.campaigns;
DROP FUNCTION campaign.add_funding();
DROP TABLE campaign.funding;
-- The consumer that filled it is gone: the log need not be kept for it, and begins anew with it.
DELETE FROM bus.consumer_cursor WHERE consumer = 'campaign';
