DROP INDEX pledge.pledges_status;
