//! The text of `setup --explain`.

/// How to get the same on a system that is not Debian 12.
pub(super) const TEXT: &str = "\
On Debian 12, as root, `cargo xtask setup` does everything. Elsewhere:

  eBPF object (only to change edge-ebpf; the built object is committed)
      rustup toolchain install nightly --component rust-src
      cargo install bpf-linker --version 0.13.0
    Bytes then differ from the committed object; `cargo xtask ebpf --check` says so and compares the sources only.

  Static ARM programs
      the nightly above, python3 with venv; zig and cargo-zigbuild come from PyPI into the cache by themselves

  Guests and broker
      qemu-system-aarch64, qemu-system-arm, cpio, mosquitto from the distribution's packages;
      the kernels are Debian's own packages, fetched with apt-get and unpacked with dpkg, so that one verb needs Debian,
      or a cache (EDGE_CACHE) that was filled on a Debian machine

  Images for cross, without a container engine
      root, and Debian 12 itself

  Lint
      shellcheck and systemd-analyze from the distribution's packages; cargo install cargo-deny

The cache is $EDGE_CACHE, else $XDG_CACHE_HOME/edge-agent, else ~/.cache/edge-agent.
";
