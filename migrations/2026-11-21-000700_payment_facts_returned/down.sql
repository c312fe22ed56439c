DROP INDEX payment.facts_returned;
