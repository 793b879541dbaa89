#!/usr/bin/env bash
# Smoke test of a deployed API: without a key every route must respond with 401; with the key in SMOKE_KEY every GET must
# respond with 200, or with 404 if its path has an ID.
#
#   SMOKE_KEY=sk_… tools/deployer/smoke.sh https://billing.example.com summary plan-change
set -euo pipefail

api=${1:?the base URL of the API}
shift

# Prints a response's status. Reads the key from standard input, because other users can see a process's arguments.
status_of() {
    curl --silent --show-error --output /dev/null --write-out '%{http_code}' --max-time 35 \
        --retry 3 --retry-connrefused --config - --request "$1" "$api${2//\{id\}/in_smoke}"
}

failed=0
check() {
    if [ "$3" = "$4" ]; then
        echo "ok    $1 $2: $3"
    else
        echo "WRONG $1 $2: $3, expected $4" && failed=1
    fi
}

routes=$(deployer routes "$@")
[ -n "$routes" ] || echo "none of these functions has a route"
while read -r method path; do
    [ -n "$method" ] || continue
    check "$method" "$path" "$(status_of "$method" "$path" < /dev/null)" 401
    if [ "$method" = GET ] && [ -n "${SMOKE_KEY:-}" ]; then
        status=$(status_of GET "$path" <<< "header = \"authorization: Bearer $SMOKE_KEY\"")
        # An ID in the path names nothing.
        case $path in *{id}*) expected=404 ;; *) expected=200 ;; esac
        check "$method" "$path" "$status" "$expected"
    fi
done <<< "$routes"
exit $failed
