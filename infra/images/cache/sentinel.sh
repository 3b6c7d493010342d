#!/bin/bash
# Entry point of a Sentinel: write its first configuration, then become it. Sentinel rewrites
# the file itself; over a restart it keeps what it knew.
# shellcheck source=common.sh
source /usr/local/lib/smart-dairy/common.sh

CONFIGURATION=$STATE/sentinel.conf

copy_certificates
if [[ ! -e $CONFIGURATION ]]; then
    primary=$(agreed_primary)
    {
        transport 26379
        echo "sentinel announce-ip $NODE_ADDRESS"
        echo "sentinel monitor $GROUP ${primary:-$INITIAL_PRIMARY} 6379 $QUORUM"
        echo "sentinel auth-pass $GROUP $AUTH_TOKEN"
        echo "sentinel down-after-milliseconds $GROUP $DOWN_AFTER_MILLISECONDS"
        echo "sentinel failover-timeout $GROUP $FAILOVER_TIMEOUT_MILLISECONDS"
        echo "sentinel parallel-syncs $GROUP 2"
        echo "sentinel client-reconfig-script $GROUP /usr/local/lib/smart-dairy/publish_primary.sh"
    } >"$CONFIGURATION.new"
    chown redis:redis "$CONFIGURATION.new"
    chmod 0600 "$CONFIGURATION.new"
    mv "$CONFIGURATION.new" "$CONFIGURATION"
fi
chown redis:redis "$STATE"
become redis-server "$CONFIGURATION" --sentinel
