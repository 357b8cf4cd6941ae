#!/bin/sh
# make eval-web: what the web application firewall finds and what it takes for
# an attack without being one, beside the whole rule set and the rule set as
# published. Needs the corpora of ../shared/data; says so if they are not there.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p bin
CGO_ENABLED=0 go build -trimpath -o bin/bench-web ./bench/web
exec bin/bench-web eval -data ../shared/data "$@"
