ALTER TABLE payment.payments
    DROP COLUMN create_attempt,
    DROP COLUMN create_calls,
    DROP COLUMN keyed_at,
    DROP COLUMN answered_at;
