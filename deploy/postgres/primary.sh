#!/bin/bash
# Run by the image's entrypoint, once, when the cluster is made: lets the standby follow.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$REPLICATION_PASSWORD" <<'SQL'
CREATE ROLE replicator WITH REPLICATION LOGIN PASSWORD :'password';
-- the log is kept until the standby has it, up to max_slot_wal_keep_size
SELECT pg_create_physical_replication_slot('standby');
SQL

echo "host replication replicator samenet scram-sha-256" >>"$PGDATA/pg_hba.conf"
