ALTER TABLE payment.payments RESET (autovacuum_vacuum_cost_delay);
ALTER TABLE payment.webhook_inbox RESET (autovacuum_vacuum_cost_delay);
