#!/bin/sh
# make bench-egress: the egress gate against Squid, the resolver against dnsmasq.
# Arguments go to the program: -rounds 5 -tunnels 2000 -only tunnel.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin
for peer in squid dnsmasq; do
	command -v $peer >/dev/null || { echo "bench-egress: $peer is missing: sudo apt-get install -y squid dnsmasq-base" >&2; exit 1; }
done
mkdir -p bin
CGO_ENABLED=0 go build -trimpath -o bin/sekisho ./cmd/sekisho
CGO_ENABLED=0 go build -trimpath -o bin/bench-egress ./bench/egress
exec bin/bench-egress "$@"
