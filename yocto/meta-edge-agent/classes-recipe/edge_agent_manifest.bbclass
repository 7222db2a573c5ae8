# Lists what may be executed on an image's device: writes the manifest of its finished root file system into it, as
# /etc/edge-agent/image.manifest, and deploys a copy for `edge-watch manifest diff`. An image recipe inherits this class.

# Ports that the image serves: tcp/22, or tcp/22=/usr/sbin/dropbear if only that program may.
EDGE_AGENT_MANIFEST_LISTEN ??= ""
# Endpoints that it speaks to: tcp/192.0.2.0/24/8883; any stands for any protocol or port.
EDGE_AGENT_MANIFEST_PEERS ??= ""
# Paths of the image that are left out, with everything below them: what is executed there is foreign.
EDGE_AGENT_MANIFEST_EXCLUDE ??= ""
# File systems that executables lie on: /=squashfs. Empty: those that /etc/fstab of the image gives a type.
EDGE_AGENT_MANIFEST_FS ??= ""
# Name of the image, at most 64 bytes. The same image has the same manifest, so no date stands in it.
EDGE_AGENT_MANIFEST_IMAGE ??= "${IMAGE_BASENAME}-${MACHINE} ${DISTRO_VERSION}"

edge_agent_manifest[doc] = "Writes the list of what may be executed on the image's device into its root file system"
edge_agent_manifest() {
    set --
    for item in ${EDGE_AGENT_MANIFEST_LISTEN}; do
        set -- "$@" --listen "$item"
    done
    for item in ${EDGE_AGENT_MANIFEST_PEERS}; do
        set -- "$@" --peer "$item"
    done
    for item in ${EDGE_AGENT_MANIFEST_EXCLUDE}; do
        set -- "$@" --exclude "$item"
    done
    for item in ${EDGE_AGENT_MANIFEST_FS}; do
        set -- "$@" --fs "$item"
    done

    # The agent's package makes the folder; without the agent it is open to root alone as well.
    if [ ! -d ${IMAGE_ROOTFS}${sysconfdir}/edge-agent ]; then
        install -d -m 0750 ${IMAGE_ROOTFS}${sysconfdir}/edge-agent
    fi
    manifest=${IMAGE_ROOTFS}${sysconfdir}/edge-agent/image.manifest
    edge-watch manifest make --root ${IMAGE_ROOTFS} --image "${EDGE_AGENT_MANIFEST_IMAGE}" "$@" --out $manifest
    chmod 0644 $manifest

    # OpenEmbedded's own manifest, the list of packages, has the plain name.
    install -m 0644 $manifest ${IMGDEPLOYDIR}/${IMAGE_NAME}.edge-agent.manifest
    if [ -n "${IMAGE_LINK_NAME}" ] && [ "${IMAGE_LINK_NAME}" != "${IMAGE_NAME}" ]; then
        ln -sf ${IMAGE_NAME}.edge-agent.manifest ${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}.edge-agent.manifest
    fi
}

# The last step before the image is packed. Not a command of do_rootfs: behind those it still removes packages, from
# images that are read-only, and writes module dependencies.
IMAGE_PREPROCESS_COMMAND:append = " edge_agent_manifest"
do_image[depends] += "edge-watch-native:do_populate_sysroot"
