DROP INDEX totals.gift_campaign;
