CREATE SCHEMA pledge;

CREATE TABLE pledge.pledges (
    id             uuid        PRIMARY KEY,
    campaign_id    uuid        NOT NULL,
    user_id        uuid,
    status         text        NOT NULL CHECK (status IN
                       ('pending', 'completed', 'failed', 'cancelled', 'refunded', 'disputed')),
    amount_minor   bigint      NOT NULL CHECK (amount_minor > 0),
    refunded_minor bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    currency       text        NOT NULL,
    donor_email    text        NOT NULL,
    donor_hash     text        NOT NULL,
    donor_name     text,
    anonymous      boolean     NOT NULL,
    message        text,
    metadata       jsonb,
    payment_id     uuid,
    cancelled_at   timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    version        bigint      NOT NULL DEFAULT 1
) WITH (fillfactor = 85);

CREATE INDEX pledges_campaign ON pledge.pledges (campaign_id, id);

-- The newest version of each payment that this module has heard of; the pledge's status is derived
-- from all of its payments.
CREATE TABLE pledge.payment_states (
    payment_id     uuid   PRIMARY KEY,
    pledge_id      uuid   NOT NULL REFERENCES pledge.pledges (id),
    version        bigint NOT NULL,
    status         text   NOT NULL,
    captured_minor bigint NOT NULL DEFAULT 0,
    refunded_minor bigint NOT NULL DEFAULT 0,
    disputed_minor bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 85);

CREATE INDEX payment_states_pledge ON pledge.payment_states (pledge_id);

-- What counts against the goal of a campaign that takes no more than its goal. The row is computed
-- anew, under its lock, whenever the campaign has changed since (terms_version).
CREATE TABLE pledge.goal_room (
    campaign_id   uuid   PRIMARY KEY,
    terms_version bigint NOT NULL,
    taken_minor   bigint NOT NULL CHECK (taken_minor >= 0)
) WITH (fillfactor = 50);
