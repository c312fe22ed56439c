-- Gifts that were captured before anybody wrote down when: as near as it is known. In batches, each
-- a transaction of its own, so that no lock is long.
DO $$
DECLARE
    reached uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        WITH batch AS (
            SELECT id FROM pledge.pledges
             WHERE id > reached AND captured_at IS NULL
               AND status IN ('completed', 'refunded', 'disputed')
             ORDER BY id LIMIT 1000 FOR NO KEY UPDATE
        ), filled AS (
            UPDATE pledge.pledges p SET captured_at = p.updated_at
              FROM batch WHERE p.id = batch.id RETURNING p.id
        )
        SELECT id INTO reached FROM filled ORDER BY id DESC LIMIT 1;
        EXIT WHEN reached IS NULL;
        COMMIT;
    END LOOP;
END $$;
