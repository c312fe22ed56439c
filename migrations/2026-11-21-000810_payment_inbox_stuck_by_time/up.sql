-- The administrators' list of webhooks in one state, newest first, where that state is rare. Those
-- that were applied, nearly all, are met along webhook_inbox_received, and cost no entry here.
CREATE INDEX CONCURRENTLY webhook_inbox_not_applied
    ON payment.webhook_inbox (status, received_at, id)
 WHERE status IN ('ignored', 'deferred', 'quarantined', 'dead');
