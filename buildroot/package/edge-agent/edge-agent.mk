################################################################################
#
# edge-agent
#
################################################################################

EDGE_AGENT_VERSION = 0.1.0
# Carries its crates in VENDOR/, so that one hash holds for every Buildroot.
EDGE_AGENT_SOURCE = edge-agent-vendored-$(EDGE_AGENT_VERSION).tar.gz
EDGE_AGENT_SITE = $(or $(call qstrip,$(BR2_PACKAGE_EDGE_AGENT_SITE)),file://$(abspath $(BR2_EXTERNAL_EDGE_AGENT_PATH)/../..))
EDGE_AGENT_LICENSE = MIT or Apache-2.0
EDGE_AGENT_LICENSE_FILES = LICENSE-APACHE LICENSE-MIT
EDGE_AGENT_SUBDIR = edge-agent

EDGE_AGENT_FEATURES = \
	$(if $(BR2_PACKAGE_EDGE_AGENT_SPOOL),spool) \
	$(if $(BR2_PACKAGE_EDGE_AGENT_TLS),tls)

# The same for both, or the second compiles everything anew.
EDGE_AGENT_CARGO_BUILD_OPTS = --features "$(strip $(EDGE_AGENT_FEATURES))"
EDGE_AGENT_CARGO_INSTALL_OPTS = $(EDGE_AGENT_CARGO_BUILD_OPTS)

# The infrastructure sets the profile by BR2_OPTIMIZE_* and BR2_ENABLE_LTO. The
# agent's size is promised for this one (profile "dist" of its Cargo.toml); what
# is hot runs in the kernel.
EDGE_AGENT_CARGO_ENV = \
	CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	CARGO_PROFILE_RELEASE_LTO=fat \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=z \
	CARGO_PROFILE_RELEASE_PANIC=abort

# packaging/kernel/base.cfg and tracing.cfg, for kernels that Buildroot builds.
define EDGE_AGENT_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_BPF_SYSCALL)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BPF_JIT)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BPF_UNPRIV_DEFAULT_OFF)
	$(call KCONFIG_ENABLE_OPT,CONFIG_MODULES)
	$(call KCONFIG_ENABLE_OPT,CONFIG_CGROUPS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_CGROUP_BPF)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_INET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_FHANDLE)
	$(call KCONFIG_ENABLE_OPT,CONFIG_PROC_FS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_UNIX)
	$(call KCONFIG_ENABLE_OPT,CONFIG_EPOLL)
	$(call KCONFIG_ENABLE_OPT,CONFIG_EVENTFD)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SIGNALFD)
	$(call KCONFIG_ENABLE_OPT,CONFIG_TIMERFD)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SECCOMP)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SECCOMP_FILTER)
	$(call KCONFIG_ENABLE_OPT,CONFIG_FTRACE)
	$(call KCONFIG_ENABLE_OPT,CONFIG_FTRACE_SYSCALLS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_PERF_EVENTS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BPF_EVENTS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_UPROBE_EVENTS)
endef

# May hold a password: root's alone.
define EDGE_AGENT_INSTALL_CONFIG
	$(INSTALL) -D -m 0640 $(@D)/packaging/edge-agent.toml \
		$(TARGET_DIR)/etc/edge-agent/edge-agent.toml
endef
EDGE_AGENT_POST_INSTALL_TARGET_HOOKS += EDGE_AGENT_INSTALL_CONFIG

define EDGE_AGENT_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/packaging/S60edge-agent \
		$(TARGET_DIR)/etc/init.d/S60edge-agent
endef

# Enabled by Buildroot's preset.
define EDGE_AGENT_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/packaging/edge-agent.service \
		$(TARGET_DIR)/usr/lib/systemd/system/edge-agent.service
endef

$(eval $(cargo-package))
