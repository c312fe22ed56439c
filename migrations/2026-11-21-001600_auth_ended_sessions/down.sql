DROP INDEX auth.refresh_tokens_ended;
