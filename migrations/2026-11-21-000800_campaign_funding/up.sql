-- How far each campaign is funded, as the totals tell by events: what `sort=most_funded` walks. Not
-- a column of campaigns: gifts share-lock those rows, and each change of them is a version. Not an
-- index over the totals: their row is updated with every batch, which an index would make dear.
CREATE TABLE campaign.funding (
    campaign_id uuid PRIMARY KEY REFERENCES campaign.campaigns,
    -- net ÷ goal, in millionths
    funded_ppm bigint NOT NULL DEFAULT 0 CHECK (funded_ppm >= 0),
    -- the version of the totals that this was computed from; 0: not told of any yet
    totals_version bigint NOT NULL DEFAULT 0 CHECK (totals_version >= 0)
) WITH (fillfactor = 70);

-- Whoever makes a campaign, a replica of the release before too, makes this row with it.
CREATE FUNCTION campaign.add_funding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign.funding (campaign_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER add_funding AFTER INSERT ON campaign.campaigns
    FOR EACH ROW EXECUTE FUNCTION campaign.add_funding();

INSERT INTO campaign.funding (campaign_id) SELECT id FROM campaign.campaigns;
CREATE INDEX funding_most ON campaign.funding (funded_ppm DESC, campaign_id DESC);
