-- Each payment and each webhook is updated soon after it is inserted. By default a vacuum waits for
-- a fifth of the table: with 10 million payments, for two million dead rows, which every index scan
-- over new rows would meet. Here it comes for one in fifty.
ALTER TABLE payment.payments SET (autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE payment.webhook_inbox SET (autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
