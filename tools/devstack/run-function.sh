#!/bin/sh
# Runs a function that `cargo lambda watch` has built, and appends its output to a log of its own, which only its owner can
# read. Cargo passes the program's path first.
umask 077
exec "$@" >> "$DEVSTACK_LOGS/$(basename "$1").log" 2>&1
