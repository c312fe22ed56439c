-- Since when an administrator keeps this person from signing in; nobody writes it but they.
ALTER TABLE auth.users ADD COLUMN suspended_at timestamptz;
CREATE INDEX users_suspended ON auth.users (id) WHERE suspended_at IS NOT NULL;
CREATE INDEX users_admins ON auth.users (id) WHERE role = 'admin';
