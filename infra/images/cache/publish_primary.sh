#!/bin/bash
# Sentinel's client-reconfig-script: GROUP ROLE STATE FROM-IP FROM-PORT TO-IP TO-PORT.
# Points the primary's name at TO-IP, but only once that node says it is primary. Every Sentinel
# runs it, so the name moves even when the one that led the failover dies. Exit code 1 asks
# Sentinel to try again.
# shellcheck source=common.sh
source /usr/local/lib/smart-dairy/common.sh

address=$6
role=$(ask "$address" 6379 ROLE | head -n 1) || role=unknown
if [[ $role != master ]]; then
    echo "primary's name not moved to $address: its role is ${role:-unknown}" >&2
    exit 1
fi
encode() { printf %s "$1" | base64 -w 0; }
body="{\"key\":\"$(encode "$RECORD")\",\"value\":\"$(
    encode "{\"host\":\"$address\",\"ttl\":$RECORD_TTL}"
)\"}"
exec 3<>"/dev/tcp/${STORE_ADDRESS/://}"
printf 'POST /v3/kv/put HTTP/1.0\r\nHost: store\r\nContent-Length: %d\r\n\r\n%s' \
    "${#body}" "$body" >&3
read -r -t 2 _ status _ <&3
if [[ $status != 200 ]]; then
    echo "primary's name not moved to $address: the store answered ${status:-nothing}" >&2
    exit 1
fi
echo "endpoint $RECORD now points at $address"
