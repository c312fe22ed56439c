DROP INDEX pledge.pledges_user;
