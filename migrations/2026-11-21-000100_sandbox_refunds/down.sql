DELETE FROM sandbox.faults WHERE operation NOT IN ('create', 'cancel', 'retrieve');
ALTER TABLE sandbox.faults DROP CONSTRAINT faults_operation_check;
ALTER TABLE sandbox.faults ADD CONSTRAINT faults_operation_check
    CHECK (operation IN ('create', 'cancel', 'retrieve'));

-- statements are append-only: lines of refunds stay, and are not checked again
ALTER TABLE sandbox.account_transactions DROP CONSTRAINT account_transactions_kind_check;
ALTER TABLE sandbox.account_transactions ADD CONSTRAINT account_transactions_kind_check
    CHECK (kind IN ('deposit', 'hold', 'capture', 'release')) NOT VALID;

DROP INDEX sandbox.payments_by_creation;
DROP TABLE sandbox.disputes;
DROP TABLE sandbox.refunds;
