DROP INDEX totals.pledge_contribution_campaign;
