#!/bin/sh
# After the files are there: the user, its directories, the unit. DPKG_ROOT is
# set when a foreign root is prepared (dpkg --force-script-chrootless).
set -e

# A running process is taken over by what was just installed, and who connects meanwhile
# waits. An installation is not held up for long: where the new version cannot (SK6009,
# SK6010), is not up yet (SK6011), would end something (SK6012) or nobody answers (124, of
# timeout), what runs goes on, and how to finish is said. One that knows nothing of upgrades is
# restarted, and one that was stopped stays so.
take_over() {
	systemctl is-active --quiet sekisho.service || return 0
	code=0
	said=$(timeout 60 runuser -u sekisho -- /usr/bin/sekisho -c /etc/sekisho/sekisho.yaml --lang en upgrade --by package --wait 20s 2>&1) || code=$?
	if [ "$code" = 0 ]; then
		echo "sekisho: $said"
		return 0
	fi
	[ -z "$said" ] || echo "$said" >&2
	case "$code $said" in
	124\ * | *SK6011*)
		echo "sekisho: the new version is not up yet; who connects waits. See:  sudo -u sekisho sekisho -c /etc/sekisho/sekisho.yaml status" >&2
		;;
	*SK6009* | *SK6010* | *SK6012*)
		echo "sekisho: it is installed, but the version before still runs. To finish:  sudo -u sekisho sekisho -c /etc/sekisho/sekisho.yaml upgrade" >&2
		;;
	*) systemctl try-restart sekisho.service ;;
	esac
}

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
	take_over
fi
if [ ! -e "$root/etc/sekisho/sekisho.yaml" ]; then
	echo "sekisho: to begin:  sudo -u sekisho sekisho -c /etc/sekisho/sekisho.yaml init"
fi
