DELETE FROM sandbox.faults WHERE kind IN ('hang', 'late');
ALTER TABLE sandbox.faults DROP CONSTRAINT faults_kind_check;
ALTER TABLE sandbox.faults ADD CONSTRAINT faults_kind_check
    CHECK (kind IN ('fail', 'lose_answer', 'delay'));
