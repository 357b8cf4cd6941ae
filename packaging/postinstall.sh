#!/bin/sh
# After the files are there: the user, its directories, the unit. DPKG_ROOT is
# set when a foreign root is prepared (dpkg --force-script-chrootless).
set -e
root=${DPKG_ROOT:-}
if ! grep -q '^sekisho:' "$root/etc/passwd"; then
	useradd ${root:+--prefix "$root"} --system --user-group --no-create-home \
		--home-dir /var/lib/sekisho --shell /usr/sbin/nologin --comment Sekisho sekisho
fi
uid=$(sed -n 's/^sekisho:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/passwd")
gid=$(sed -n 's/^sekisho:[^:]*:[0-9]*:\([0-9]*\):.*/\1/p' "$root/etc/passwd")
install -d -m 0700 "$root/var/lib/sekisho"
chown "$uid:$gid" "$root/var/lib/sekisho"
chmod 0750 "$root/etc/sekisho"
chown "$uid:$gid" "$root/etc/sekisho"
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# An upgrade: a running process is taken over, and who connects meanwhile
	# waits. Where the new version cannot (SK6009, SK6010), takes long (SK6011) or would
	# end sessions (SK6012), what runs goes on; one that knows nothing of upgrades is restarted, and one
	# that was stopped stays so.
	if systemctl is-active --quiet sekisho.service; then
		if said=$(runuser -u sekisho -- /usr/bin/sekisho -c /etc/sekisho/sekisho.yaml --lang en upgrade --by package 2>&1); then
			echo "sekisho: $said"
		else
			echo "$said" >&2
			case $said in
			*SK6009* | *SK6010* | *SK6011* | *SK6012*) ;;
			*) systemctl try-restart sekisho.service ;;
			esac
		fi
	fi
fi
if [ ! -e "$root/etc/sekisho/sekisho.yaml" ]; then
	echo "sekisho: to begin:  sudo -u sekisho sekisho -c /etc/sekisho/sekisho.yaml init"
fi
