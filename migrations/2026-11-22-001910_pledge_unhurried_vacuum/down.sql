ALTER TABLE pledge.pledges RESET (autovacuum_vacuum_cost_delay);
ALTER TABLE pledge.payment_states RESET (autovacuum_vacuum_cost_delay);
