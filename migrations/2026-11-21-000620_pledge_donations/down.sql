DROP INDEX pledge.pledges_donations;
