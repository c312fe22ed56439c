DROP INDEX campaign.campaigns_words;
