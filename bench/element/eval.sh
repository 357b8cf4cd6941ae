#!/bin/sh
# make eval-element: precision, recall and F1 of the element engine, element by
# element, on a corpus of known truth; also written to docs/accuracy.md.
# Arguments go to the program: -seed 1 -size 8.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p bin
CGO_ENABLED=0 go build -trimpath -o bin/bench-element ./bench/element
exec bin/bench-element eval -text ../shared/data/japanese-text/sentences.jsonl -doc docs/accuracy.md "$@"
