CREATE SCHEMA campaign;

CREATE TABLE campaign.campaigns (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    title text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    description text NOT NULL CHECK (char_length(description) <= 20000),
    category text CHECK (char_length(category) BETWEEN 1 AND 50),
    goal_minor bigint NOT NULL CHECK (goal_minor BETWEEN 1 AND 1000000000000000),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'ended', 'cancelled')),
    starts_at timestamptz,
    ends_at timestamptz,
    allow_overfunding boolean NOT NULL,
    -- when everybody was let know of it; a draft that was cancelled stays unknown
    published_at timestamptz,
    suspended_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    CONSTRAINT ends_after_start CHECK (ends_at > starts_at),
    CONSTRAINT published_once_active CHECK (
        CASE status
            WHEN 'draft' THEN published_at IS NULL
            WHEN 'cancelled' THEN true
            ELSE published_at IS NOT NULL
        END
    )
) WITH (fillfactor = 90);

-- The lists, newest first: all of them, and by each filter that they take.
CREATE INDEX campaigns_newest ON campaign.campaigns (created_at DESC, id DESC);
CREATE INDEX campaigns_by_status ON campaign.campaigns (status, created_at DESC, id DESC);
CREATE INDEX campaigns_by_category ON campaign.campaigns (category, created_at DESC, id DESC);
-- an owner's drafts
CREATE INDEX campaigns_by_owner ON campaign.campaigns (owner_id, created_at DESC, id DESC);
-- those whose end is to come, for the task that ends them
CREATE INDEX campaigns_to_end ON campaign.campaigns (ends_at)
    WHERE status IN ('active', 'paused') AND ends_at IS NOT NULL;
