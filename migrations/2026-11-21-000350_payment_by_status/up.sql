-- The administrators' list, newest first.
CREATE INDEX CONCURRENTLY payments_status ON payment.payments (status, id);
