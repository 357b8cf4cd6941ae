#!/bin/sh
# dist.sh VERSION: everything that is released, into dist/: static programs, .deb
# and .rpm (nfpm), container layout, Windows zip with the scanner, SBOM, sums.
# The same sources give the same bytes: times are the commit's. DIST_ARCHES
# chooses architectures (default: amd64 arm64).
set -eu
export VERSION="${1:?usage: dist.sh VERSION}"
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" LC_ALL=C.UTF-8
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
# Package managers want a version that begins with a digit and has no dash.
pkgversion=$(echo "${VERSION#v}" | tr - +)
case $pkgversion in [0-9]*.*) ;; *) pkgversion="0~git$pkgversion" ;; esac
NFPM=${NFPM:-go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4}
out=dist
stage=$out/.stage
rm -rf "$out"
mkdir -p "$stage"

build() { # build GOOS GOARCH FILE
	GOOS=$1 GOARCH=$2 go build -ldflags "-s -w -X main.version=$VERSION" -o "$3" ./cmd/sekisho
}
pack() { # pack FILE.tar.gz DIR: a directory, the same bytes each time
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$(dirname "$2")" -cf - "$(basename "$2")" | gzip -9n >"$1"
}

go build -o "$stage/disttool" ./packaging/disttool
go build -ldflags "-X main.version=$VERSION" -o "$stage/host" ./cmd/sekisho
for arch in ${DIST_ARCHES:-amd64 arm64}; do
	echo "dist: linux/$arch"
	parts=$stage/$arch
	mkdir -p "$parts"
	build linux "$arch" "$parts/sekisho"
	"$stage/disttool" sbom "$parts/sekisho" "$VERSION" >"$parts/sbom.cdx.json"
	"$stage/disttool" licences "$parts/sekisho" >"$parts/licences-of-others.txt"
	"$stage/host" completion bash >"$parts/completion.bash"
	"$stage/host" completion zsh >"$parts/completion.zsh"
	sed "s|@ARCH@|$arch|; s|@PKGVERSION@|$pkgversion|; s|@STAGE@|$parts|" packaging/nfpm.yaml >"$parts/nfpm.yaml"
	for kind in deb rpm; do
		$NFPM package -f "$parts/nfpm.yaml" -p "$kind" -t "$out" >/dev/null || exit 1
	done
	dir=$stage/sekisho-$VERSION-linux-$arch
	mkdir -p "$dir"
	cp "$parts/sekisho" "$parts/sbom.cdx.json" "$parts/licences-of-others.txt" LICENSE CHANGELOG.md README.md README.ja.md packaging/sekisho.service "$dir/"
	cp -r docs CONTRIBUTING.md SECURITY.md "$dir/" # where README looks for them
	pack "$out/sekisho-$VERSION-linux-$arch.tar.gz" "$dir"
	cp "$parts/sbom.cdx.json" "$out/sekisho-$VERSION-linux-$arch.cdx.json"

	image=$stage/sekisho-$VERSION-container-$arch
	mkdir -p "$image/root/usr/bin" "$image/root/etc/ssl/certs" "$image/root/usr/share/doc/sekisho" "$image/root/var/lib" "$image/root/tmp" "$image/own/sekisho"
	chmod 1777 "$image/root/tmp"
	cp "$parts/sekisho" "$image/root/usr/bin/"
	cp LICENSE "$parts/licences-of-others.txt" "$image/root/usr/share/doc/sekisho/"
	cp packaging/Containerfile "$image/"
	echo 'sekisho:x:65532:65532:Sekisho:/var/lib/sekisho:/sbin/nologin' >"$image/root/etc/passwd"
	echo 'sekisho:x:65532:' >"$image/root/etc/group"
	if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
		cp /etc/ssl/certs/ca-certificates.crt "$image/root/etc/ssl/certs/"
	fi
	pack "$out/sekisho-$VERSION-container-$arch.tar.gz" "$image"
done

if [ -z "${DIST_LINUX_ONLY:-}" ]; then
	echo "dist: windows/amd64"
	dir=$stage/sekisho-$VERSION-windows-amd64
	mkdir -p "$dir"
	build windows amd64 "$dir/sekisho.exe"
	cp packaging/windows/scan.cmd packaging/windows/README.txt LICENSE docs/guide/scan.en.md docs/guide/scan.ja.md "$dir/"
	# Notepad and cmd.exe want their own line ends.
	sed -i "s/\$/$(printf '\r')/" "$dir/scan.cmd" "$dir/README.txt"
	"$stage/disttool" sbom "$dir/sekisho.exe" "$VERSION" >"$dir/sbom.cdx.json"
	"$stage/disttool" licences "$dir/sekisho.exe" >"$dir/licences-of-others.txt"
	"$stage/disttool" zip "$out/sekisho-$VERSION-windows-amd64.zip" "$dir" "$SOURCE_DATE_EPOCH"
	cp "$dir/sbom.cdx.json" "$out/sekisho-$VERSION-windows-amd64.cdx.json"
fi

rm -rf "$stage"
(cd "$out" && sha256sum -- * >SHA256SUMS.tmp && mv SHA256SUMS.tmp SHA256SUMS)
ls -l "$out"
