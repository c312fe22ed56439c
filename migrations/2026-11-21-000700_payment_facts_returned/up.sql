-- What went back in a stretch of time, to be compared with the provider's books. Captures, which are
-- most of the facts, do not pay for it.
CREATE INDEX CONCURRENTLY facts_returned ON payment.facts (recorded_at) WHERE kind <> 'capture';
