DROP FUNCTION campaign.hold_for_gifts(uuid[], bigint[]);
