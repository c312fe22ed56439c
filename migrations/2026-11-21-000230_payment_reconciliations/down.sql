DROP TABLE payment.reconciliations;
