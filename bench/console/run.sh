#!/bin/sh
# make bench-console: how long the console's pages take in a large firm.
# Arguments go to the program: -rounds 200 -users 200 -length 60s. Needs 6 GB of
# disk in TMPDIR and about ten minutes; CONSOLE_DIR=DIR keeps what was made, and
# what was finished of it when the run was stopped.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p bin
CGO_ENABLED=0 go build -trimpath -o bin/sekisho ./cmd/sekisho
CGO_ENABLED=0 go build -trimpath -o bin/bench-console ./bench/console
[ -z "${CONSOLE_DIR:-}" ] || set -- -dir "$CONSOLE_DIR" "$@"
exec bin/bench-console -program bin/sekisho "$@"
