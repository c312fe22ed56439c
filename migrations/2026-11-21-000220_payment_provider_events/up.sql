-- How far each provider's list of events has been read into the inbox.
CREATE TABLE payment.provider_cursors (
    provider     text        PRIMARY KEY,
    -- in the provider's words; absent until its first event
    cursor       text,
    -- where the reading began
    since        timestamptz NOT NULL,
    -- the lease of the replica that reads, then when to read on
    next_poll_at timestamptz NOT NULL,
    -- when the list was last read to its end
    read_at      timestamptz
);
