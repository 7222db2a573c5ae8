################################################################################
#
# edge-watch
#
################################################################################

# A member of the same archive as the agent.
EDGE_WATCH_VERSION = $(EDGE_AGENT_VERSION)
EDGE_WATCH_SOURCE = $(EDGE_AGENT_SOURCE)
EDGE_WATCH_SITE = $(EDGE_AGENT_SITE)
EDGE_WATCH_DL_SUBDIR = edge-agent
EDGE_WATCH_LICENSE = MIT or Apache-2.0
EDGE_WATCH_LICENSE_FILES = LICENSE-APACHE LICENSE-MIT
HOST_EDGE_WATCH_SUBDIR = edge-watch

# Without the broker and the demo, which no image build needs. The same for
# both, or the second compiles everything anew.
HOST_EDGE_WATCH_CARGO_BUILD_OPTS = --no-default-features
HOST_EDGE_WATCH_CARGO_INSTALL_OPTS = $(HOST_EDGE_WATCH_CARGO_BUILD_OPTS)

$(eval $(host-cargo-package))
