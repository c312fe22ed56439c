-- The numbers of attempts at idempotent requests. A key that was freed and is used anew must not
-- have a number that it had before: a process that was frozen since would take it for its own.
-- Two billion attempts later the numbers begin anew, and nobody has been frozen for so long.
CREATE SEQUENCE bus.attempt AS integer CYCLE;
