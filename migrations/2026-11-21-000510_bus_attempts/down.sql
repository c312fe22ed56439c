DROP SEQUENCE bus.attempt;
