#!/bin/sh
# After the files went. The ledger and its keys are evidence: no package manager
# deletes them, not even purge.
set -e
root=${DPKG_ROOT:-}
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
case "${1:-}" in
remove | purge | 0)
	if [ -d "$root/var/lib/sekisho/data" ]; then
		echo "sekisho: ledger and keys stay in $root/var/lib/sekisho"
	fi
	;;
esac
