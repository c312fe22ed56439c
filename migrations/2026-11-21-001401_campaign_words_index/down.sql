DROP INDEX campaign.campaigns_words_kept;
