#!/bin/sh
# make bench-web: the web gate against nginx with ModSecurity. Arguments go to
# the program: -rounds 5 -length 2s.
set -eu
cd "$(dirname "$0")/../.."
command -v nginx >/dev/null && [ -e /usr/lib/nginx/modules/ngx_http_modsecurity_module.so ] && [ -d /usr/share/modsecurity-crs ] || {
	echo "bench-web: the peer is missing: sudo apt-get install -y nginx-light libnginx-mod-http-modsecurity modsecurity-crs" >&2
	exit 1
}
mkdir -p bin
CGO_ENABLED=0 go build -trimpath -o bin/sekisho ./cmd/sekisho
CGO_ENABLED=0 go build -trimpath -o bin/bench-web ./bench/web
exec bin/bench-web speed "$@"
