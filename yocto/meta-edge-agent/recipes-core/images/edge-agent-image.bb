SUMMARY = "Example image that is protected by the edge agent"
DESCRIPTION = "A console image with the agent, its kernel options, and nothing else to start with."
SECTION = "images"
LICENSE = "MIT | Apache-2.0"

inherit core-image features_check edge_agent_manifest

# Without it the kernel has not what the agent needs.
REQUIRED_DISTRO_FEATURES = "edge-agent"

IMAGE_INSTALL = "packagegroup-core-boot packagegroup-edge-agent ${CORE_IMAGE_EXTRA_INSTALL}"

# What `detectors.foreign_exec` compares with. The image serves nothing; its type is that of IMAGE_FSTYPES.
EDGE_AGENT_MANIFEST_FS = "/=ext4"
