# Shared by the scripts of this image; sourced, not run.
# Environment: GROUP, NODE_ADDRESS, INITIAL_PRIMARY, SENTINELS (addresses, space-separated),
# AUTH_TOKEN (also read by redis-cli as REDISCLI_AUTH, so that it is on no command line).
set -euo pipefail

STATE=/var/lib/redis
TLS=/run/smart-dairy
export REDISCLI_AUTH="${AUTH_TOKEN:-}"

# Copy what is mounted (readable by root only) to where the redis user may read it.
copy_certificates() {
    local name
    for name in ca.crt server.crt server.key; do
        install -o redis -g redis -m 0600 "/etc/smart-dairy/tls/$name" "$TLS/$name"
    done
}

# ask ADDRESS PORT COMMAND...: one command over TLS; a node that does not answer within 1 s
# counts as silent.
ask() {
    local address=$1 port=$2
    shift 2
    timeout 1 redis-cli --tls --cacert "$TLS/ca.crt" -h "$address" -p "$port" "$@" 2>/dev/null
}

# Print the primary's address as a majority of the Sentinels name it, or nothing.
agreed_primary() {
    local sentinel answer
    for sentinel in $SENTINELS; do
        answer=$(ask "$sentinel" 26379 SENTINEL GET-MASTER-ADDR-BY-NAME "$GROUP" | head -n 1) || true
        if [[ $answer =~ ^[0-9.]+$ ]]; then echo "$answer"; fi
    done | sort | uniq -c | while read -r votes address; do
        if ((votes >= 2)); then echo "$address"; fi
    done
}

# The lines that node and Sentinel have in common.
transport() {
    local port=$1
    cat <<END
port 0
tls-port $port
tls-cert-file $TLS/server.crt
tls-key-file $TLS/server.key
tls-ca-cert-file $TLS/ca.crt
tls-auth-clients no
tls-replication yes
tls-protocols "TLSv1.2 TLSv1.3"
requirepass $AUTH_TOKEN
protected-mode no
daemonize no
dir $STATE
END
}

become() {
    exec setpriv --reuid redis --regid redis --clear-groups -- "$@"
}
