DROP INDEX payment.payments_campaign;
