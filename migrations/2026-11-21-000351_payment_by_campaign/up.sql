-- One campaign's payments: the administrators' list, rebuilt totals, refunds of all.
CREATE INDEX CONCURRENTLY payments_campaign ON payment.payments (campaign_id, id);
