ALTER TABLE sandbox.payments DROP COLUMN trace_context;
