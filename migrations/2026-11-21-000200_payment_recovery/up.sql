-- What is known of the calls that make a payment at its provider.
ALTER TABLE payment.payments
    -- the number in the provider's idempotency key: 1 `pay_<id>`, n `pay_<id>_<n>`
    ADD COLUMN create_attempt integer NOT NULL DEFAULT 1,
    -- how often it was sent under that key, and when first: absent of rows older than this column
    ADD COLUMN create_calls   integer NOT NULL DEFAULT 1,
    ADD COLUMN keyed_at       timestamptz,
    -- when the provider's answer was stored; until then nobody can say whether the client has it
    ADD COLUMN answered_at    timestamptz;
