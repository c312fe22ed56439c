-- A run refunds a payment once. Its refunds are counted by it.
CREATE UNIQUE INDEX CONCURRENTLY refunds_run ON payment.refunds (run_id, payment_id)
    WHERE run_id IS NOT NULL;
