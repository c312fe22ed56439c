DROP INDEX pledge.pledges_guest;
