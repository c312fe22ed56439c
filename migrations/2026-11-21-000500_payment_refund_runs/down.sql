ALTER TABLE payment.refunds DROP COLUMN run_id;
DROP TABLE payment.refund_runs;
