-- As it was, and each campaign is looked up by its key: a sort, a join and a sum were set up for the
-- one campaign that a batch of gifts nearly always has. `ids` ascend, so that two transactions never
-- wait for each other in a ring.
CREATE OR REPLACE FUNCTION campaign.hold_for_gifts(ids uuid[], versions bigint[])
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    FOR place IN 1 .. cardinality(ids) LOOP
        PERFORM FROM campaign.campaigns c
          WHERE c.id = ids[place] AND c.version = versions[place] FOR SHARE;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END $$;
