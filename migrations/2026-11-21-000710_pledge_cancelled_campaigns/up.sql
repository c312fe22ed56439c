-- Cancelled campaigns whose unpaid pledges have to be cancelled: an intent, worked off some pledges
-- at a time. A row stays when it is done: nothing is paid for these campaigns any more.
CREATE TABLE pledge.cancelled_campaigns (
    campaign_id     uuid        PRIMARY KEY,
    -- the last pledge that was looked at
    cursor          uuid,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error      text,
    -- of whoever cancelled the campaign
    trace_context   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    done_at         timestamptz
);

CREATE INDEX cancelled_campaigns_due ON pledge.cancelled_campaigns (next_attempt_at)
    WHERE done_at IS NULL;
