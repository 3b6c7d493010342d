#!/bin/bash
# Entry point of a cache node: find out who is primary now, then become redis-server.
# shellcheck source=common.sh
source /usr/local/lib/smart-dairy/common.sh

CONFIGURATION=$STATE/node.conf
# A Sentinel declares a node down after 5 s and agrees on a successor within a few more.
SUCCESSOR_LIMIT_SECONDS=30

copy_certificates

primary=$(agreed_primary)
if [[ $primary == "$NODE_ADDRESS" ]]; then
    # This node was primary and has lost its data with its process: were it back as primary
    # before the Sentinels noticed, the replicas would copy the empty data set. It waits
    # until a replica has been promoted.
    deadline=$((SECONDS + SUCCESSOR_LIMIT_SECONDS))
    while ((SECONDS < deadline)) && [[ $primary == "$NODE_ADDRESS" || -z $primary ]]; do
        sleep 0.5
        primary=$(agreed_primary)
    done
fi

if [[ -n $primary || ! -e $CONFIGURATION ]]; then
    {
        transport 6379
        echo "masterauth $AUTH_TOKEN"
        echo "replica-announce-ip $NODE_ADDRESS"
        # At rest nothing: as the document's group, whose snapshots are daily, not a log.
        echo 'save ""'
        echo "appendonly no"
        echo "repl-diskless-sync-delay 0"
        printf '%s\n' "$PARAMETERS"
        if [[ ${primary:=$INITIAL_PRIMARY} != "$NODE_ADDRESS" ]]; then
            echo "replicaof $primary 6379"
        fi
    } >"$CONFIGURATION.new"
    chown redis:redis "$CONFIGURATION.new"
    chmod 0600 "$CONFIGURATION.new"
    # Whole or not at all: a kill in between leaves the last role that Sentinel wrote.
    mv "$CONFIGURATION.new" "$CONFIGURATION"
fi
echo "starting with primary ${primary:-as last configured}"
become redis-server "$CONFIGURATION"
