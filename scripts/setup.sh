#!/bin/sh
# setup.sh demo|test|check|bench|browser: install what that target needs and this
# Debian or Ubuntu machine lacks. It uses apt when it may (root, or sudo without
# a password), else it prints the one line to type. Nothing else is changed.
set -eu

missing= wanted=
need() { # need PROGRAM PACKAGE
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need_japanese() { # a font, or pages are pictures of empty boxes
	[ -n "$(fc-list :lang=ja 2>/dev/null)" ] || missing="$missing fontconfig fonts-noto-cjk"
}
need_postgres() {
	for dir in $(pg_config --bindir 2>/dev/null || true) /usr/lib/postgresql/*/bin; do
		[ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && return
	done
	command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
}

command -v go >/dev/null 2>&1 || {
	echo "setup: Go is missing; install Go 1.26 or newer, then run this again" >&2
	exit 1
}
need_postgres
case ${1:-demo} in
demo) ;;
test)
	need psql postgresql-client; need pgbouncer pgbouncer
	need ip iproute2; need nft nftables; need sysctl procps
	# Only the programs, no service. The tests that use it skip without it.
	[ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1 || wanted="mariadb-server-core mariadb-client-core"
	;;
check) need gcc gcc ;;
browser) need psql postgresql-client; need chromium chromium; need node nodejs; need npm npm; need_japanese ;;
bench) need psql postgresql-client; need pgbouncer pgbouncer; need node nodejs; need npm npm ;;
*) echo "usage: scripts/setup.sh demo|test|check|bench|browser" >&2; exit 2 ;;
esac
[ -n "$missing$wanted" ] || exit 0

as=
if [ "$(id -u)" != 0 ]; then
	as="sudo -n"
	if [ -z "$missing" ] && ! sudo -n true 2>/dev/null; then
		echo "setup: without $wanted some tests are skipped" >&2
		exit 0
	fi
	if ! command -v sudo >/dev/null 2>&1 || ! sudo -n true 2>/dev/null; then
		echo "setup: this machine lacks:$missing" >&2
		echo "  try  sudo apt-get install -y$missing" >&2
		exit 1
	fi
fi
command -v apt-get >/dev/null 2>&1 || {
	[ -n "$missing" ] || { echo "setup: without $wanted some tests are skipped" >&2; exit 0; }
	echo "setup: this machine lacks:$missing, and has no apt-get to install it" >&2
	exit 1
}
echo "setup: installing$missing${wanted:+ $wanted}"
export DEBIAN_FRONTEND=noninteractive
install() { # install PACKAGE…
	[ $# -gt 0 ] || return 0
	$as apt-get install -y -q "$@" >/dev/null 2>&1 || {
		$as apt-get update -q >/dev/null
		$as apt-get install -y -q "$@" >/dev/null
	}
}
# shellcheck disable=SC2086
install $missing
install $wanted || echo "setup: without $wanted some tests are skipped" >&2
