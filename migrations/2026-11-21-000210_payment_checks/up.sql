-- When to look at a payment whose end has not been heard of. A table of its own: it changes with
-- every look, and the payments' rows need no index for it.
CREATE TABLE payment.checks (
    payment_id    uuid        PRIMARY KEY REFERENCES payment.payments (id),
    next_check_at timestamptz NOT NULL,
    -- how often it was looked at: whoever looks now is known by it
    looks         integer     NOT NULL DEFAULT 0
) WITH (fillfactor = 85);

CREATE INDEX checks_due ON payment.checks (next_check_at);

INSERT INTO payment.checks (payment_id, next_check_at)
SELECT id, now() FROM payment.payments
WHERE NOT closed AND status IN ('pending', 'failed', 'authorized');
