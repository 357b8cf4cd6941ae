#!/bin/sh
# Compares scope with DuckDB: bench/scope/run.sh [ROWS]
# Needs go, node and npm, 8 GB of disk in TMPDIR and about half an hour.
# SCOPE_DIR=DIR keeps the data there and uses it again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
rows=${1:-50000000}
dir=${SCOPE_DIR:-}
if [ -z "$dir" ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT INT TERM
fi
duckdb=$here/../../.cache/duckdb
if [ ! -d "$duckdb/node_modules/@duckdb/node-api" ]; then
	mkdir -p "$duckdb"
	npm install --prefix "$duckdb" --no-save --no-audit --no-fund @duckdb/node-api@1.5.6-r.1 >&2
fi
NODE_PATH=$duckdb/node_modules
export NODE_PATH
mkdir -p "$dir"
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$dir/scope" ./bench/scope)
if [ ! -f "$dir/crossings-$rows.parquet" ]; then
	echo "# $rows rows for DuckDB" >&2
	"$dir/scope" csv "$dir/rows.csv" "$rows"
	node "$here/peer.js" load "$dir/rows.csv" "$dir/part.parquet" >&2
	rm "$dir/rows.csv"
	mv "$dir/part.parquet" "$dir/crossings-$rows.parquet"
fi
if [ ! -f "$dir/view-$rows.db" ]; then
	echo "# the same rows, and one bounded for 19, for us" >&2
	rm -f "$dir"/part.db*
	"$dir/scope" fill "$dir/part.db" "$rows"
	mv "$dir/part.db" "$dir/view-$rows.db"
fi
echo "# $rows rows; $(nproc) processors; node $(node --version); $(go version)"
"$dir/scope" run "$dir/view-$rows.db" node "$here/peer.js" ask "$dir/crossings-$rows.parquet"
