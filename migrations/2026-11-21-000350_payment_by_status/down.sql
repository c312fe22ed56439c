DROP INDEX payment.payments_status;
