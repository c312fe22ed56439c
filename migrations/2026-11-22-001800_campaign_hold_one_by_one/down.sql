-- as in campaign_hold_for_gifts/up.sql
CREATE OR REPLACE FUNCTION campaign.hold_for_gifts(ids uuid[], versions bigint[])
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    held bigint;
BEGIN
    SELECT count(*) INTO held
      FROM (SELECT c.id, c.version FROM campaign.campaigns c
             WHERE c.id = ANY(ids) ORDER BY c.id FOR SHARE) AS locked
      JOIN unnest(ids, versions) AS judged(id, version)
        ON judged.id = locked.id AND judged.version = locked.version;
    RETURN held = cardinality(ids);
END $$;
