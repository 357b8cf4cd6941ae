#!/bin/sh
# Before the files go. An upgrade (dpkg: upgrade; rpm: 1) leaves the process
# running: what comes after takes it over.
set -e
case "${1:-}" in
remove | 0)
	if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
		systemctl disable --now sekisho.service
	fi
	;;
esac
