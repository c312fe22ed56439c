-- The merchant's trace, from the metadata: it comes back with every event of the payment.
ALTER TABLE sandbox.payments ADD COLUMN trace_context text;
