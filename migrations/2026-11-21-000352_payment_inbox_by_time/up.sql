-- The administrators' list of webhooks of a period.
CREATE INDEX CONCURRENTLY webhook_inbox_received ON payment.webhook_inbox (received_at, id);
