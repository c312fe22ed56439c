DROP INDEX payment.refunds_run;
