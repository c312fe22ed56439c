DROP INDEX payment.webhook_inbox_received;
