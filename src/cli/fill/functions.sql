-- Names and times of what is filled in, made from numbers, so that no table has to be read to fill
-- the next one. All functions end with the connection.

-- A version 7 UUID of that moment; what is random in others comes from the kind and the number.
CREATE FUNCTION pg_temp.id(at timestamptz, kind text, n bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT overlay(overlay(
               lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
               || md5(kind || n) PLACING '7' FROM 13 FOR 1) PLACING '8' FROM 17 FOR 1)::char(32)::uuid
$$;

-- Gifts are spread evenly over two years that ended the day before yesterday, so that nothing of
-- them is anybody's to work on.
CREATE FUNCTION pg_temp.at(n bigint, total bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT date_trunc('day', now()) - interval '732 days' + interval '730 days' * (n::float8 / total)
$$;

-- Campaigns are older than all gifts.
CREATE FUNCTION pg_temp.campaign_at(n bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT date_trunc('day', now()) - interval '800 days' + interval '1 second' * n
$$;
CREATE FUNCTION pg_temp.campaign(n bigint) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT pg_temp.id(pg_temp.campaign_at(n), 'campaign', n)
$$;

CREATE FUNCTION pg_temp.fill_campaigns(total bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO campaign.campaigns
           (id, owner_id, title, description, category, goal_minor, currency, status, ends_at,
            allow_overfunding, published_at, created_at, updated_at, version)
    SELECT pg_temp.campaign(n), pg_temp.id(pg_temp.campaign_at(n / 100), 'owner', n / 100),
           format('%s for %s %s', (ARRAY['Water', 'Books', 'Shelter', 'Vaccines', 'Trees', 'Meals',
                                         'A roof'])[1 + n % 7],
                  (ARRAY['Nyeri', 'the village school', 'families', 'the river valley', 'children',
                         'Kisumu'])[1 + n % 6], n),
           repeat(format('What campaign %s is for, and how each gift to it is spent. ', n), 8),
           (ARRAY['water', 'education', 'health', 'environment', 'emergency'])[1 + n % 5],
           100000000, 'USD', CASE WHEN n % 10 = 0 THEN 'ended' ELSE 'active' END,
           CASE WHEN n % 3 = 0 AND n % 10 <> 0 THEN now() + interval '1 hour' * (24 + n % 5000) END,
           true, pg_temp.campaign_at(n), pg_temp.campaign_at(n), pg_temp.campaign_at(n), 2
      FROM generate_series(0, total - 1) n
$$;

-- Nineteen of twenty gifts were paid, the others cancelled. A few campaigns get most of them. Of the
-- webhooks those are kept that retention would have left.
CREATE FUNCTION pg_temp.fill_gifts(first bigint, past bigint, total bigint, campaigns bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH gift AS MATERIALIZED (
        SELECT g.*, pg_temp.campaign(g.nth) AS campaign_id,
               pg_temp.id(g.at, 'pledge', g.n) AS pledge_id,
               pg_temp.id(g.at + interval '1 second', 'payment', g.n) AS payment_id,
               'sbx_' || replace(pg_temp.id(g.at + interval '1 second', 'bank', g.n)::text, '-', '')
                   AS bank_id,
               'evt_' || replace(pg_temp.id(g.at + interval '9 seconds', 'event', g.n)::text, '-', '')
                   AS event_id,
               encode(sha256(g.email::bytea), 'hex') AS hash, md5('trace' || g.n) AS trace
          FROM (SELECT n, pg_temp.at(n, total) AS at, n % 20 <> 7 AS paid,
                       floor(campaigns * power(abs(hashint8(n)::float8) / 2147483648.0, 3))::bigint
                           AS nth,
                       100 + (n * 7919) % 20000 AS minor,
                       format('donor%s@fill.example', (n * 104729) % (1 + total * 3 / 10)) AS email
                  FROM generate_series(first, past - 1) n) g
    ), paid AS MATERIALIZED (
        SELECT * FROM gift WHERE paid
    ), pledges AS (
        INSERT INTO pledge.pledges
               (id, campaign_id, status, amount_minor, currency, donor_email, donor_hash,
                donor_name, anonymous, message, payment_id, cancelled_at, created_at, updated_at,
                version, captured_at)
        SELECT pledge_id, campaign_id, CASE WHEN paid THEN 'completed' ELSE 'cancelled' END, minor,
               'USD', email, hash, 'Ada Lovelace', n % 5 = 0, 'For the children',
               CASE WHEN paid THEN payment_id END,
               CASE WHEN NOT paid THEN at + interval '1 hour' END, at,
               at + CASE WHEN paid THEN interval '10 seconds' ELSE interval '1 hour' END,
               CASE WHEN paid THEN 3 ELSE 2 END, CASE WHEN paid THEN at + interval '10 seconds' END
          FROM gift
    ), states AS (
        INSERT INTO pledge.payment_states
               (payment_id, pledge_id, version, status, captured_minor)
        SELECT payment_id, pledge_id, 3, 'captured', minor FROM paid
    ), payments AS (
        INSERT INTO payment.payments
               (id, pledge_id, campaign_id, provider, provider_payment_id, status, amount_minor,
                currency, captured_minor, capture_method, request, client_secret, donor_hash,
                created_at, updated_at, version, called_at, create_attempt, create_calls, keyed_at,
                answered_at)
        SELECT payment_id, pledge_id, campaign_id, 'sandbox', bank_id, 'captured', minor, 'USD',
               minor, 'automatic',
               jsonb_build_object('currency', 'USD', 'payment_id', payment_id, 'amount_minor', minor,
                                  'capture_method', 'automatic', 'payment_method', NULL),
               bank_id || '_secret_' || trace, hash, at + interval '1 second',
               at + interval '10 seconds', 3, at + interval '1 second', 1, 1,
               at + interval '1 second', at + interval '1 second'
          FROM paid
    ), facts AS (
        INSERT INTO payment.facts
               (payment_id, kind, reference, state, amount_minor, provider_event_id, recorded_at)
        SELECT payment_id, 'capture', minor::text, 'captured', minor, event_id || 'c',
               at + interval '10 seconds'
          FROM paid
    ), ledger AS (
        INSERT INTO payment.ledger (payment_id, version, kind, delta_minor, currency, recorded_at)
        SELECT payment_id, 3, 'captured', minor, 'USD', at + interval '10 seconds' FROM paid
    ), history AS (
        INSERT INTO payment.history
               (payment_id, version, from_status, to_status, event, source, provider_event_id,
                decision, captured_minor, refunded_minor, disputed_minor, trace_id, occurred_at,
                recorded_at)
        SELECT payment_id, s.version, s.was, s.now, s.event, s.source, event_id || s.suffix, 'applied',
               CASE WHEN s.version = 3 THEN minor ELSE 0 END, 0, 0, trace, at + s.after, at + s.after
          FROM paid, (VALUES
               (1, NULL, 'pending', 'payment.created', 'api', NULL, interval '1 second'),
               (2, 'pending', 'authorized', 'payment.authorized', 'webhook', 'a',
                interval '9 seconds'),
               (3, 'authorized', 'captured', 'payment.captured', 'webhook', 'c',
                interval '10 seconds')) s (version, was, now, event, source, suffix, after)
         ORDER BY payment_id, s.version
    ), inbox AS (
        INSERT INTO payment.webhook_inbox
               (provider, event_id, event_type, provider_payment_id, payment_id, body, body_hash,
                status, attempts, trace_context, received_at, processed_at)
        SELECT 'sandbox', event_id || s.suffix, s.event, bank_id, payment_id, s.body,
               sha256(s.body), 'applied', 1, format('00-%s-%s-01', trace, left(trace, 16)),
               at + s.after, at + s.after
          FROM paid, LATERAL (
               SELECT v.*, format('{"id":"%s%s","type":"%s","created_at":"%s","data":{"payment_id":'
                                  '"%s","amount_minor":%s,"currency":"USD","metadata":'
                                  '{"payment_id":"%s"}}}', event_id, v.suffix, v.event, at, bank_id,
                                  minor, payment_id)::bytea AS body
                 FROM (VALUES ('payment.authorized', 'a', interval '9 seconds'),
                              ('payment.captured', 'c', interval '10 seconds'))
                      v (event, suffix, after)) s
         WHERE at > now() - interval '30 days'
    ), contributions AS (
        INSERT INTO totals.contribution
               (payment_id, campaign_id, pledge_id, version, captured_minor, refunded_minor,
                disputed_minor)
        SELECT payment_id, campaign_id, pledge_id, 3, minor, 0, 0 FROM paid
    ), pledge_contributions AS (
        INSERT INTO totals.pledge_contribution (pledge_id, campaign_id, version, counted_minor)
        SELECT pledge_id, campaign_id, CASE WHEN paid THEN 3 ELSE 2 END,
               CASE WHEN paid THEN minor ELSE 0 END
          FROM gift
    )
    INSERT INTO totals.gift (pledge_id, campaign_id) SELECT pledge_id, campaign_id FROM paid;
END $$;

-- From what was filled in: who gave to which campaign, the sums, and how far they reach.
CREATE FUNCTION pg_temp.fill_totals() RETURNS void LANGUAGE plpgsql SET work_mem = '256MB' AS $$
BEGIN
    INSERT INTO totals.donor (campaign_id, donor_hash)
    SELECT DISTINCT campaign_id, decode(donor_hash, 'hex') FROM pledge.pledges
     WHERE captured_at IS NOT NULL ORDER BY 1, 2;

    INSERT INTO totals.campaign_totals
           (campaign_id, currency, goal_minor, pledged_minor, captured_minor, donation_count,
            donor_count, published, campaign_version, version, updated_at)
    SELECT c.id, c.currency, c.goal_minor, coalesce(g.minor, 0), coalesce(g.minor, 0),
           coalesce(g.gifts, 0), coalesce(d.donors, 0), true, c.version, 2, now()
      FROM campaign.campaigns c
      LEFT JOIN (SELECT campaign_id, sum(captured_minor)::bigint AS minor, count(*) AS gifts
                   FROM totals.contribution GROUP BY 1) g ON g.campaign_id = c.id
      LEFT JOIN (SELECT campaign_id, count(*) AS donors FROM totals.donor GROUP BY 1) d
             ON d.campaign_id = c.id
        ON CONFLICT (campaign_id) DO NOTHING;

    INSERT INTO campaign.funding (campaign_id, funded_ppm, totals_version)
    SELECT campaign_id, div(captured_minor::numeric * 1000000, goal_minor), version
      FROM totals.campaign_totals
        ON CONFLICT (campaign_id) DO UPDATE
       SET funded_ppm = excluded.funded_ppm, totals_version = excluded.totals_version;
END $$;
