#!/bin/sh
# make bench-egress: the egress gate against Squid, the resolver against dnsmasq,
# then cuts. Arguments go to the first: -rounds 5 -tunnels 2000 -only tunnel.
# ARGS="-only cut -rounds 5 -gates 50 -tunnels 1000" measures cuts alone.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin
mkdir -p bin
ulimit -n "$(ulimit -Hn)"
CGO_ENABLED=0 go build -trimpath -o bin/bench-egress-cut ./bench/egress/cut
if [ "${1-}" = -only ] && [ "${2-}" = cut ]; then
	shift 2
	exec bin/bench-egress-cut "$@"
fi
for peer in squid dnsmasq; do
	command -v $peer >/dev/null || { echo "bench-egress: $peer is missing: sudo apt-get install -y squid dnsmasq-base" >&2; exit 1; }
done
CGO_ENABLED=0 go build -trimpath -o bin/sekisho ./cmd/sekisho
CGO_ENABLED=0 go build -trimpath -o bin/bench-egress ./bench/egress
bin/bench-egress "$@"
case " $* " in
*" -only "*) ;;
*) exec bin/bench-egress-cut ;;
esac
