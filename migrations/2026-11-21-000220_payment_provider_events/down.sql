DROP TABLE payment.provider_cursors;
