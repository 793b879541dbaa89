#!/bin/sh
# Runs a function that `cargo lambda watch` has built. Appends its log and its metrics to files of its own, which only their
# owner can read. Cargo passes the program's path first.
umask 077
log="$DEVSTACK_LOGS/$(basename "$1")"
exec "$@" >> "$log.metrics" 2>> "$log.log"
