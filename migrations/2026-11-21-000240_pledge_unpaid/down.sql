DROP INDEX pledge.pledges_unpaid;
