-- Which sessions have ended a short time ago? Of each family one token was never used.
CREATE INDEX CONCURRENTLY refresh_tokens_ended ON auth.refresh_tokens (revoked_at)
    WHERE revoked_at IS NOT NULL AND used_at IS NULL;
