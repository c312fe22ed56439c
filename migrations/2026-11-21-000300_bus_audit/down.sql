DROP TABLE bus.audit_log;
DROP FUNCTION bus.refuse_change();
