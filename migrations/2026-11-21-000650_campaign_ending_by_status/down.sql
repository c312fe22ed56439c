DROP INDEX campaign.campaigns_ending_by_status;
