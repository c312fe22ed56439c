DROP TABLE auth.signing_keys;
DROP TABLE auth.sign_in_limits;
DROP TABLE auth.api_keys;
DROP TABLE auth.mail_requests;
DROP TABLE auth.mailed_tokens;
ALTER TABLE auth.users DROP COLUMN email_verified_at;
