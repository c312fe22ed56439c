-- The tables that keep growing are vacuumed after each fiftieth that changed (payment_busy_tables),
-- and nobody waits for that. At its default pace a vacuum takes the disk from the gifts that come in
-- meanwhile (docs/PERFORMANCE.md). Here it rests ten times as long between its pieces (20 ms for
-- each 200 units of cost); it may still read 40 MB or change 4 MB a second.
ALTER TABLE payment.payments SET (autovacuum_vacuum_cost_delay = 20);
ALTER TABLE payment.webhook_inbox SET (autovacuum_vacuum_cost_delay = 20);
