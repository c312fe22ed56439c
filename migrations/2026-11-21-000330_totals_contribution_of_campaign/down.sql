DROP INDEX totals.contribution_campaign;
