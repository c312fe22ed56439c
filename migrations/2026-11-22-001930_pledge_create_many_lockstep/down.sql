CREATE OR REPLACE FUNCTION pledge.create_many(
    campaigns uuid[], versions bigint[],
    scopes text[], keys text[], fingerprints bytea[], bodies text[],
    ids uuid[], campaign_ids uuid[], user_ids uuid[], amounts bigint[], currencies text[],
    emails text[], hashes text[], names text[], hidden boolean[], messages text[],
    metas jsonb[], times timestamptz[],
    event_ids uuid[], partitions smallint[], event_name text, payloads jsonb[], traces text[])
RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
    fresh integer[];  -- NULL: all, as nearly always
    claimed bigint;
BEGIN
    IF NOT campaign.hold_for_gifts(campaigns, versions) THEN
        RETURN NULL;
    END IF;

    INSERT INTO bus.idempotency_key
           (scope, key, fingerprint, response_status, response_body, finished_at)
    SELECT k.scope, k.key, k.fingerprint, 201, k.body, now()
      FROM unnest(scopes, keys, fingerprints, bodies) WITH ORDINALITY
           AS k(scope, key, fingerprint, body, n)
     ORDER BY k.n
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS claimed = ROW_COUNT;
    IF claimed < cardinality(keys) THEN
        -- an answer names its pledge: where it is the one that is stored, the key is new, or these
        -- very gifts were written before and their commit was not heard of
        fresh := ARRAY(
            SELECT k.n
              FROM unnest(scopes, keys, bodies, ids) WITH ORDINALITY AS k(scope, key, body, id, n)
             WHERE k.body = (SELECT i.response_body FROM bus.idempotency_key i
                              WHERE i.scope = k.scope AND i.key = k.key)
               AND NOT EXISTS (SELECT FROM pledge.pledges p WHERE p.id = k.id));
    END IF;

    INSERT INTO pledge.pledges
           (id, campaign_id, user_id, status, amount_minor, currency, donor_email, donor_hash,
            donor_name, anonymous, message, metadata, created_at, updated_at)
    SELECT p.id, p.campaign_id, p.user_id, 'pending', p.amount_minor, p.currency, p.donor_email,
           p.donor_hash, p.donor_name, p.anonymous, p.message, p.metadata, p.at, p.at
      FROM unnest(ids, campaign_ids, user_ids, amounts, currencies, emails, hashes, names,
                  hidden, messages, metas, times) WITH ORDINALITY
           AS p(id, campaign_id, user_id, amount_minor, currency, donor_email, donor_hash,
                donor_name, anonymous, message, metadata, at, n)
     WHERE fresh IS NULL OR p.n = ANY(fresh);

    INSERT INTO bus.outbox (event_id, partition, aggregate_id, aggregate_version, type, payload,
                            trace_context)
    SELECT e.event_id, e.partition, e.aggregate_id, 1, event_name, e.payload,
           e.trace_context
      FROM unnest(event_ids, partitions, ids, payloads, traces) WITH ORDINALITY
           AS e(event_id, partition, aggregate_id, payload, trace_context, n)
     WHERE fresh IS NULL OR e.n = ANY(fresh)
     ORDER BY e.n;

    RETURN coalesce(fresh, ARRAY(SELECT generate_series(1, cardinality(keys))));
END $$;
