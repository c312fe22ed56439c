-- Holds campaigns as they are until the caller's transaction ends, and says whether all of them are
-- still of the versions by which the caller has judged. What was judged by an older version is
-- worth nothing: the caller reads again. Locked in ascending order, gifts do not block each other.
CREATE FUNCTION campaign.hold_for_gifts(ids uuid[], versions bigint[])
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
