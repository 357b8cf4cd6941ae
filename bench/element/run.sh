#!/bin/sh
# make bench-element: the element engine against ripgrep and Hyperscan.
# Arguments go to the program: -rounds 5 -size 96 -only pan.
set -eu
cd "$(dirname "$0")/../.."
command -v rg >/dev/null || { echo "bench-element: ripgrep is missing: sudo apt-get install -y ripgrep" >&2; exit 1; }
[ -f /usr/include/hs/hs.h ] || { echo "bench-element: Hyperscan is missing: sudo apt-get install -y libhyperscan-dev gcc" >&2; exit 1; }
mkdir -p bin
gcc -O2 bench/peers/hyperscan.c -o bin/hyperscan -lhs -I/usr/include/hs
CGO_ENABLED=0 go build -trimpath -o bin/bench-element ./bench/element
exec bin/bench-element run -hyperscan bin/hyperscan "$@"
