#!/usr/bin/env bash
# Asks a deployed API whether it works: without a key every route says 401; with the key in SMOKE_KEY,
# of an account that may be asked about, every GET says 200.
#
#   SMOKE_KEY=sk_… tools/deployer/smoke.sh https://billing.example.com summary plan-change
set -euo pipefail

api=${1:?the address of the API}
shift

# Prints the status. The key is read from standard input: other users see the arguments of a process.
status_of() {
    curl --silent --show-error --output /dev/null --write-out '%{http_code}' --max-time 35 \
        --retry 3 --retry-connrefused --config - --request "$1" "$api$2"
}

failed=0
check() {
    if [ "$3" = "$4" ]; then
        echo "ok    $1 $2: $3"
    else
        echo "WRONG $1 $2: $3 where $4 is right" && failed=1
    fi
}

routes=$(deployer routes "$@")
while read -r method path; do
    check "$method" "$path" "$(status_of "$method" "$path" < /dev/null)" 401
    if [ "$method" = GET ] && [ -n "${SMOKE_KEY:-}" ]; then
        status=$(status_of GET "$path" <<< "header = \"authorization: Bearer $SMOKE_KEY\"")
        check "$method" "$path" "$status" 200
    fi
done <<< "$routes"
exit $failed
