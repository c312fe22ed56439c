-- The read model of totals: one row per campaign that is read, and what it is summed from.
CREATE SCHEMA totals;

-- Read at every page view by its key, updated once per batch of events. No index but the key and
-- room on each page, so that updates are heap-only.
CREATE TABLE totals.campaign_totals (
    campaign_id uuid PRIMARY KEY,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    goal_minor bigint NOT NULL CHECK (goal_minor > 0),
    pledged_minor bigint NOT NULL DEFAULT 0 CHECK (pledged_minor >= 0),
    captured_minor bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    disputed_minor bigint NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
    donation_count bigint NOT NULL DEFAULT 0 CHECK (donation_count >= 0),
    donor_count bigint NOT NULL DEFAULT 0 CHECK (donor_count >= 0),
    -- a draft's totals are nobody's to know of
    published boolean NOT NULL DEFAULT false,
    -- the campaign's version that goal and currency are of
    campaign_version bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    updated_at timestamptz NOT NULL,
    CONSTRAINT never_negative CHECK (refunded_minor + disputed_minor <= captured_minor)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- The newest known amounts of each payment that captured anything.
CREATE TABLE totals.contribution (
    payment_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    pledge_id uuid NOT NULL,
    version bigint NOT NULL,
    captured_minor bigint NOT NULL CHECK (captured_minor >= 0),
    refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
    disputed_minor bigint NOT NULL CHECK (disputed_minor >= 0),
    CONSTRAINT never_negative CHECK (refunded_minor + disputed_minor <= captured_minor)
) WITH (fillfactor = 90);

-- What each pledge adds to pledged_minor.
CREATE TABLE totals.pledge_contribution (
    pledge_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    version bigint NOT NULL,
    counted_minor bigint NOT NULL CHECK (counted_minor >= 0)
) WITH (fillfactor = 80);

-- Pledges for which money was ever captured: each is one donation, whatever the payments.
CREATE TABLE totals.gift (
    pledge_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL
);

-- Who gave to which campaign; the keyed hash leads to no person.
CREATE TABLE totals.donor (
    campaign_id uuid NOT NULL,
    donor_hash bytea NOT NULL,
    PRIMARY KEY (campaign_id, donor_hash)
);
