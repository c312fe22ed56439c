-- Copies of the tables that a gift is written to, with their indexes: what pgbench writes into.
DROP SCHEMA IF EXISTS pgb CASCADE;
CREATE SCHEMA pgb;
CREATE TABLE pgb.key (LIKE bus.idempotency_key INCLUDING ALL);
CREATE TABLE pgb.pledges (LIKE pledge.pledges INCLUDING ALL);
CREATE SEQUENCE pgb.outbox_id;
CREATE TABLE pgb.outbox (LIKE bus.outbox INCLUDING ALL);
ALTER TABLE pgb.outbox ALTER COLUMN id SET DEFAULT nextval('pgb.outbox_id');
