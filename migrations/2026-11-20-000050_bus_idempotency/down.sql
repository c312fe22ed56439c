DROP TABLE bus.idempotency_key;
