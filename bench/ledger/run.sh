#!/bin/sh
# make bench-ledger: the ledger against fdatasync, PostgreSQL and DuckDB.
# Arguments go to the program: -rounds 5 -length 3s -only rebuild -dir DIR.
set -eu
cd "$(dirname "$0")/../.."
command -v node >/dev/null || { echo "bench-ledger: node is missing: sudo apt-get install -y nodejs npm" >&2; exit 1; }
duckdb=.cache/duckdb
if [ ! -d "$duckdb/node_modules/@duckdb/node-api" ]; then
	mkdir -p "$duckdb"
	npm install --prefix "$duckdb" --no-save --no-audit --no-fund @duckdb/node-api@1.5.6-r.1 >&2
fi
CGO_ENABLED=0 go build -trimpath -o bin/bench-ledger ./bench/ledger
exec bin/bench-ledger -duckdb "$duckdb" "$@"
