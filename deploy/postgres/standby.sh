#!/bin/bash
# The entrypoint of the streaming standby: a base backup of the primary, once, then Postgres as its
# image starts it. A standby whose slot was lost is mended by removing its volume.
set -euo pipefail

export PGPASSWORD=$REPLICATION_PASSWORD
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # an interrupted backup leaves files that the next one would refuse
    find "$PGDATA" -mindepth 1 -delete
    until pg_basebackup --host "$PRIMARY_HOST" --username replicator --pgdata "$PGDATA" \
        --slot standby --wal-method stream --checkpoint fast --write-recovery-conf; do
        echo "waiting for the primary" >&2
        find "$PGDATA" -mindepth 1 -delete
        sleep 2
    done
    chmod 0700 "$PGDATA"
fi
exec docker-entrypoint.sh "$@"
