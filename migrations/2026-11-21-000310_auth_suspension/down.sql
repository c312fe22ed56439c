DROP INDEX auth.users_admins;
DROP INDEX auth.users_suspended;
ALTER TABLE auth.users DROP COLUMN suspended_at;
