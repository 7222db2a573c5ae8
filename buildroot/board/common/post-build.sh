#!/bin/sh
# Post-build hook of the example images: refuses a root file system in which the agent would not protect. Buildroot calls it
# with the folder of the root file system, before the image is packed; add it to BR2_ROOTFS_POST_BUILD_SCRIPT of your board.
set -eu

target="$1"
failed=0

complain() {
	echo "edge-agent post-build: $1" >&2
	failed=1
}

[ -x "$target/usr/bin/edge-agent" ] ||
	complain "/usr/bin/edge-agent is missing; BR2_PACKAGE_EDGE_AGENT needs C++ in a musl toolchain"

config="$target/etc/edge-agent/edge-agent.toml"
if [ ! -f "$config" ]; then
	complain "/etc/edge-agent/edge-agent.toml is missing"
elif [ -n "$(find "$config" -perm /007)" ]; then
	complain "/etc/edge-agent/edge-agent.toml is open to others; it may hold passwords: mode 0640"
fi

[ -x "$target/etc/init.d/S60edge-agent" ] ||
	[ -f "$target/usr/lib/systemd/system/edge-agent.service" ] ||
	complain "nothing starts the agent: neither an init script nor a unit"

# The id of a gateway is its machine id when the configuration names none: one that is baked in makes all gateways one.
if grep -qx '[0-9a-f]\{32\}' "$target/etc/machine-id" 2>/dev/null; then
	complain "/etc/machine-id holds an id, which every gateway of this image would share; leave the file empty"
fi

exit "$failed"
