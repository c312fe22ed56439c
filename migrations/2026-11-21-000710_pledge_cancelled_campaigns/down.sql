DROP TABLE pledge.cancelled_campaigns;
