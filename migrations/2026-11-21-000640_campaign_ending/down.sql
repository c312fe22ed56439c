DROP INDEX campaign.campaigns_ending;
