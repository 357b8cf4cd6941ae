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
mkdir -p "$dir/node"
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$dir/scope" ./bench/scope)
cp "$here/package.json" "$here/package-lock.json" "$here/peer.js" "$dir/node/"
[ -d "$dir/node/node_modules" ] || (cd "$dir/node" && npm ci --no-audit --no-fund --loglevel=error >&2)
if [ ! -f "$dir/crossings-$rows.parquet" ]; then
	echo "# $rows rows for DuckDB" >&2
	"$dir/scope" csv "$dir/rows.csv" "$rows"
	(cd "$dir/node" && node peer.js load ../rows.csv "../part.parquet" >&2)
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
cd "$dir/node"
"$dir/scope" run "$dir/view-$rows.db" node peer.js ask "../crossings-$rows.parquet"
