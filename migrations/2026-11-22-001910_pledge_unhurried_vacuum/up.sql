-- As payment_unhurried_vacuum.
ALTER TABLE pledge.pledges SET (autovacuum_vacuum_cost_delay = 20);
ALTER TABLE pledge.payment_states SET (autovacuum_vacuum_cost_delay = 20);
