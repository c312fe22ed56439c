DROP TABLE payment.checks;
