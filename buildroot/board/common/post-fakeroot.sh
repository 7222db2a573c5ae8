#!/bin/sh
# Post-fakeroot hook of the example images: writes the manifest of what may be executed into the root file system, when everything else is in it and
# has its final modes. Buildroot calls it with that folder and BR2_ROOTFS_POST_SCRIPT_ARGS, which are options of `edge-watch manifest make`:
# --fs /=squashfs, --listen tcp/22=/usr/sbin/dropbear, --peer tcp/192.0.2.0/24/8883, --exclude /opt/bench, --image NAME. Add it to
# BR2_ROOTFS_POST_FAKEROOT_SCRIPT of your board, and BR2_PACKAGE_HOST_EDGE_WATCH.
set -eu

target="$1"
shift
tool="$HOST_DIR/bin/edge-watch"

if [ ! -x "$tool" ]; then
	echo "edge-agent post-fakeroot: $tool is missing; switch BR2_PACKAGE_HOST_EDGE_WATCH on" >&2
	exit 1
fi

[ -d "$target/etc/edge-agent" ] || install -d -m 0750 "$target/etc/edge-agent"
manifest="$target/etc/edge-agent/image.manifest"
"$tool" manifest make --root "$target" "$@" --out "$manifest"
chmod 0644 "$manifest"

# To compare it with the next one.
install -m 0644 "$manifest" "$BINARIES_DIR/image.manifest"
