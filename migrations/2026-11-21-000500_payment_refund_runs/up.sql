-- Acts that give back all gifts of a cancelled campaign. The cursor moves in the transaction that
-- reserves the refunds of the payments before it, so that whoever goes on after a crash goes on there.
CREATE TABLE payment.refund_runs (
    id           uuid        PRIMARY KEY,
    campaign_id  uuid        NOT NULL,
    requested_by uuid        NOT NULL,
    reason       text        NOT NULL,
    -- the last payment that was looked at
    cursor       uuid,
    -- payments that held money and could not be refunded, and why the last of them could not
    skipped      bigint      NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    last_error   text,
    created_at   timestamptz NOT NULL,
    -- runs take turns by it
    updated_at   timestamptz NOT NULL,
    -- when the last payment had been looked at
    done_at      timestamptz
);

-- a campaign has one at a time
CREATE UNIQUE INDEX refund_runs_open ON payment.refund_runs (campaign_id) WHERE done_at IS NULL;
CREATE INDEX refund_runs_campaign ON payment.refund_runs (campaign_id, id);

-- the run that asked for it; absent of others
ALTER TABLE payment.refunds ADD COLUMN run_id uuid;
