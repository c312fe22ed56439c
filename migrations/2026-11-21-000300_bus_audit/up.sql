-- Who did what to whom, and why: one row for each act of an administrator, in its transaction.
CREATE TABLE bus.audit_log (
    -- time-ordered: the order of the list
    id          uuid PRIMARY KEY,
    -- absent: the command line
    actor_id    uuid,
    action      text        NOT NULL,
    target_type text        NOT NULL,
    -- absent: the act had no single target
    target_id   text,
    reason      text        NOT NULL,
    before      jsonb,
    after       jsonb,
    request_id  text,
    created_at  timestamptz NOT NULL
);

CREATE INDEX audit_log_actor ON bus.audit_log (actor_id, id);
CREATE INDEX audit_log_target ON bus.audit_log (target_type, target_id, id);

CREATE FUNCTION bus.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bus.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION bus.refuse_change();
