-- What was raised before totals announced their changes is announced once, so that whoever listens
-- begins with the truth. Columns and partition as `platform::event_bus` writes them; the rows are
-- locked, as by any producer.
INSERT INTO bus.outbox (event_id, partition, aggregate_id, aggregate_version, type, payload)
SELECT gen_random_uuid(), get_byte(sha256(uuid_send(t.campaign_id)), 7) % 32, t.campaign_id,
       t.version, 'totals.changed.v1',
       jsonb_build_object(
           'campaign_id', t.campaign_id, 'version', t.version, 'currency', t.currency,
           'goal_minor', t.goal_minor, 'pledged_minor', t.pledged_minor,
           'captured_minor', t.captured_minor, 'refunded_minor', t.refunded_minor,
           'disputed_minor', t.disputed_minor, 'donation_count', t.donation_count,
           'donor_count', t.donor_count)
  FROM (SELECT * FROM totals.campaign_totals WHERE captured_minor > 0
         ORDER BY campaign_id FOR NO KEY UPDATE) t;
