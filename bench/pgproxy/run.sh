#!/bin/sh
# make bench-pgproxy: the PostgreSQL gate against pgbouncer. Arguments go to the
# program: -rounds 5 -length 3s -only select -tls=false.
set -eu
cd "$(dirname "$0")/../.."
command -v pgbouncer >/dev/null || { echo "bench-pgproxy: pgbouncer is missing: sudo apt-get install -y pgbouncer" >&2; exit 1; }
CGO_ENABLED=0 go build -trimpath -o bin/sekisho ./cmd/sekisho
CGO_ENABLED=0 go build -trimpath -o bin/bench-pgproxy ./bench/pgproxy
exec bin/bench-pgproxy "$@"
