-- A gift as it is usually written: one transaction, three inserts, rows as large as ours.
\set n random(1, 9000000000000000)
\set m random(1, 900000)
BEGIN;
INSERT INTO pgb.key (scope, key, fingerprint, response_status, response_body, finished_at) VALUES ('guest_donor' || :m::int || '@bench.example', 'bench-' || :n::bigint, decode('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08','hex'), 201, repeat('x', 420), now());
INSERT INTO pgb.pledges (id, campaign_id, status, amount_minor, currency, donor_email, donor_hash, donor_name, anonymous, message, created_at, updated_at) VALUES (gen_random_uuid(), '01a1fdb6-e9ac-7466-83bc-cbc2ee96f9ae', 'pending', 2500, 'USD', 'donor' || :m::int || '@bench.example', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'Ada Lovelace', false, 'For the children', now(), now());
INSERT INTO pgb.outbox (event_id, partition, aggregate_id, aggregate_version, type, payload, trace_context) VALUES (gen_random_uuid(), 7, gen_random_uuid(), 1, 'pledge.changed.v1', jsonb_build_object('pledge_id','01a1fdb6-e9ac-7466-83bc-cbc2ee96f9ae','campaign_id','01a1fdb6-e9ac-7466-83bc-cbc2ee96f9ae','version',1,'status','pending','amount_minor',2500,'currency','USD','counted_minor',2500), '00-fd5ee395e45cd6ba533a993c988f8615-fd5ee395e45cd6ba-01');
COMMIT;
