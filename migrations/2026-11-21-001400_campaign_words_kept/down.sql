ALTER TABLE campaign.campaigns DROP COLUMN words;
