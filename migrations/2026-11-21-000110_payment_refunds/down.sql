DROP TABLE payment.refunds;
