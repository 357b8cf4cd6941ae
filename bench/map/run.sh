#!/bin/sh
# make bench-map: a table scanned with subject sets against COPY, a workbook
# scanned for personal data against excelize. Arguments go to the program:
# -rounds 5 -rows 5000000 -sheet 200000 -only table.
set -eu
cd "$(dirname "$0")/../.."
command -v psql >/dev/null || { echo "bench-map: psql is missing: sudo apt-get install -y postgresql postgresql-client" >&2; exit 1; }
mkdir -p bin
CGO_ENABLED=0 go build -trimpath -o bin/bench-map ./bench/map
exec bin/bench-map "$@"
