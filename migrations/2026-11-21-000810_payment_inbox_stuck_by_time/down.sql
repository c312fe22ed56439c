DROP INDEX payment.webhook_inbox_not_applied;
