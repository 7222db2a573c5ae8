"""Checks the layer meta-edge-agent: `check.py LAYER SOURCE`, SOURCE being the tree that its recipes fetch.

Every recipe is parsed by bitbake itself for both ARM architectures and both init systems; what it says is compared with the
sources, and its do_install is run. The layers that it depends on are not needed. `cargo xtask lint` runs it.
"""

import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib

import jsonschema
import kas
import yaml

from recipe_parser import Parser, addresses

ARCHITECTURES = ["aarch64", "arm"]
INIT_SYSTEMS = ["systemd", "sysvinit", "systemd sysvinit"]
SERIES = "wrynose"


class Report:
    """What was looked at, and what is wrong with it."""

    def __init__(self):
        self.checked = 0
        self.wrong = []

    def equal(self, what, found, wanted):
        """`found` is what was `wanted`."""
        self.checked += 1
        if found != wanted:
            self.wrong.append(f"{what}: {found!r} instead of {wanted!r}")

    def true(self, what, holds):
        """Something holds."""
        self.equal(what, bool(holds), True)


def digest(path):
    """MD5 of a file, by which bitbake knows licences."""
    with open(path, "rb") as file:
        return hashlib.md5(file.read()).hexdigest()


def load(path):
    """A TOML file."""
    with open(path, "rb") as file:
        return tomllib.load(file)


def check_layer(report, parser):
    """What a layer says about itself, and the documents it must have."""
    conf = parser.configuration()
    report.equal("layer.conf: series", conf.getVar("LAYERSERIES_COMPAT_edge-agent"), SERIES)
    report.equal("layer.conf: layers needed", conf.getVar("LAYERDEPENDS_edge-agent"), "core openembedded-layer")
    listed = [path for pattern in conf.getVar("BBFILES").split() for path in glob.glob(pattern)]
    present = [path for path in glob.glob(parser.layer + "/**", recursive=True) if path.endswith((".bb", ".bbappend"))]
    report.equal("layer.conf: BBFILES names every recipe", sorted(listed), sorted(present))
    with open(os.path.join(parser.layer, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    for word in ["maintainer", "patch", "@", SERIES]:
        report.true(f"README.md: {word}", word in readme.lower())
    for name in ["SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE"]:
        report.true(f"{name} is there", os.path.isfile(os.path.join(parser.layer, name)))


def check_source(report, name, data, source):
    """What is fetched is pinned and what the sources name: commit, crates, version, licences."""
    manifest = load(os.path.join(source, "Cargo.toml"))["workspace"]["package"]
    report.equal(f"{name}: PV", data.getVar("PV"), manifest["version"])
    report.true(f"{name}: SRCREV is a whole hash", re.fullmatch("[0-9a-f]{40}", data.getVar("SRCREV")))
    report.equal(f"{name}: LICENSE", data.getVar("LICENSE"), manifest["license"].replace(" OR ", " | "))
    licences = [(scheme, place, parameters["md5"]) for scheme, place, parameters in licence_files(data)]
    wanted = [("file", file, digest(os.path.join(source, file))) for file in ["LICENSE-MIT", "LICENSE-APACHE"]]
    report.equal(f"{name}: LIC_FILES_CHKSUM", licences, wanted)
    crates = {}
    for scheme, place, _ in addresses(data):
        if scheme == "crate":
            _, crate, version = place.split("/")
            crates[f"{crate}-{version}"] = data.getVarFlag("SRC_URI", f"{crate}-{version}.sha256sum")
    packages = load(os.path.join(source, "Cargo.lock"))["package"]
    locked = {f"{package['name']}-{package['version']}": package["checksum"] for package in packages if "source" in package}
    report.true(f"{name}: crates", crates)
    report.equal(f"{name}: crates and checksums that differ", sorted(set(crates.items()) ^ set(locked.items())), [])
    member = load(os.path.join(source, data.getVar("CARGO_SRC_DIR"), "Cargo.toml"))
    report.equal(f"{name}: package", member["package"]["name"], name)
    options = {key: data.getVarFlag("PACKAGECONFIG", key) for key in (data.getVarFlags("PACKAGECONFIG") or {})}
    for key in set(options) - {"doc", "defaultval"}:
        report.equal(f"{name}: PACKAGECONFIG {key}", options[key], f"--features {key}")
        report.true(f"{name}: feature {key} exists", key in member["features"])


def licence_files(data):
    """LIC_FILES_CHKSUM, as addresses."""
    data = data.createCopy()
    data.setVar("SRC_URI", data.getVar("LIC_FILES_CHKSUM"))
    return addresses(data)


def check_files(report, name, data):
    """Every local file exists."""
    for scheme, place, _ in addresses(data):
        if scheme == "file":
            folders = (data.getVar("FILESPATH") or "").split(":")
            extra = (data.getVar("FILESEXTRAPATHS") or "").replace("__default:", "").split(":")
            report.true(f"{name}: {place}", any(os.path.isfile(os.path.join(folder, place)) for folder in folders + extra))


def check_install(report, name, data, source):
    """do_install, run in an empty folder, installs what the classes then package."""
    features = data.getVar("DISTRO_FEATURES").split()
    with tempfile.TemporaryDirectory(prefix="edge-yocto-") as root:
        data = data.createCopy()
        data.setVar("S", os.path.abspath(source))
        data.setVar("D", root)
        subprocess.run(["sh", "-e", "-u"], input=data.getVar("do_install"), text=True, check=True)
        found = {}
        for folder, _, files in os.walk(root):
            for file in files:
                path = os.path.join(folder, file)
                found[path[len(root):]] = oct(os.stat(path).st_mode & 0o7777)
        folders = {path: oct(os.stat(root + path).st_mode & 0o7777) for path in ["/etc/edge-agent", "/var/lib/edge-agent"]}
    wanted = {data.getVar("CONFFILES:" + name): "0o640"}
    if "systemd" in features:
        wanted["/usr/lib/systemd/system/" + data.getVar("SYSTEMD_SERVICE:" + name)] = "0o644"
    if "sysvinit" in features:
        wanted["/etc/init.d/" + data.getVar("INITSCRIPT_NAME")] = "0o755"
    report.equal(f"{name}: files with {' '.join(features)}", found, wanted)
    report.equal(f"{name}: folders", folders, {"/etc/edge-agent": "0o750", "/var/lib/edge-agent": "0o700"})


def check_kernel(report, parser):
    """The kernel changes with the distro feature only, and gets what its architecture can use."""
    appends = glob.glob(parser.layer + "/recipes-kernel/linux/*.bbappend")
    report.true("kernel: appends", appends)
    variables = ["SRC_URI", "DEPENDS", "KERNEL_FEATURES", "KERNEL_DEBUG", "FILESEXTRAPATHS"]
    for append in appends:
        name = os.path.basename(append)
        report.true(f"{name}: any version", name.endswith("_%.bbappend"))
        for arch in ARCHITECTURES:
            bare = parser.kernel(None, arch, "systemd")
            off = parser.kernel(append, arch, "systemd")
            report.equal(f"{name}: nothing without the feature", *([data.getVar(v) for v in variables] for data in (off, bare)))
            on = parser.kernel(append, arch, "systemd edge-agent")
            rich = arch == "aarch64"
            features = on.getVar("KERNEL_FEATURES").split()
            report.equal(f"{name}: {arch}", features, ["edge-agent.scc"] + ["edge-agent-lsm.scc"] * rich)
            report.equal(f"{name}: {arch}: BTF", on.getVar("KERNEL_DEBUG"), "True" if rich else "")
            report.equal(f"{name}: {arch}: pahole", "pahole-native" in on.getVar("DEPENDS").split(), rich)
            check_files(report, name, on)
            check_descriptions(report, f"{name}: {arch}", on)


def check_descriptions(report, name, data):
    """Each description of a feature names fragments that are fetched, and each fragment is named."""
    files = [place for scheme, place, _ in addresses(data) if scheme == "file"]
    folder = data.getVar("FILESEXTRAPATHS").split(":")[0]
    named = []
    for file in files:
        if file.endswith(".scc"):
            with open(os.path.join(folder, file), encoding="utf-8") as text:
                named += [line.split()[2] for line in text if line.startswith("kconf ")]
    report.equal(f"{name}: fragments", sorted(named), sorted(file for file in files if file.endswith(".cfg")))


def check_manifest(report, image):
    """The class of the manifest, run over a folder with a stand-in for edge-watch that says how it was called."""
    hooks = (image.getVar("IMAGE_PREPROCESS_COMMAND") or "").split()
    report.equal("manifest: last step before the image is packed", hooks[-1:], ["edge_agent_manifest"])
    depends = image.getVarFlag("do_image", "depends").split()
    report.true("manifest: needs edge-watch", "edge-watch-native:do_populate_sysroot" in depends)
    with tempfile.TemporaryDirectory(prefix="edge-yocto-") as folder:
        data = image.createCopy()
        values = {
            "IMAGE_ROOTFS": folder + "/root", "IMGDEPLOYDIR": folder, "IMAGE_NAME": "gw-7", "IMAGE_LINK_NAME": "gw",
            "MACHINE": "m", "DISTRO_VERSION": "6.0", "EDGE_AGENT_MANIFEST_LISTEN": "tcp/22 udp/5353",
            "EDGE_AGENT_MANIFEST_PEERS": "tcp/192.0.2.1/8883", "EDGE_AGENT_MANIFEST_EXCLUDE": "/opt",
            "EDGE_AGENT_MANIFEST_FS": "/=squashfs",
        }
        for name, value in values.items():
            data.setVar(name, value)
        os.mkdir(folder + "/bin")
        with open(folder + "/bin/edge-watch", "w", encoding="utf-8") as tool:
            tool.write('#!/bin/sh\nfor last; do :; done\nprintf "%s|" "$@" > "$last"\n')
        os.chmod(folder + "/bin/edge-watch", 0o755)
        path = {"PATH": folder + "/bin:" + os.environ["PATH"]}
        subprocess.run(["sh", "-e", "-u"], input=data.getVar("edge_agent_manifest"), text=True, check=True, env=path)
        written = folder + "/root/etc/edge-agent/image.manifest"
        with open(written, encoding="utf-8") as file:
            found = file.read().replace(folder, "").split("|")
        wanted = ["manifest", "make", "--root", "/root", "--image", "edge-agent-image-m 6.0"]
        wanted += ["--listen", "tcp/22", "--listen", "udp/5353", "--peer", "tcp/192.0.2.1/8883"]
        wanted += ["--exclude", "/opt", "--fs", "/=squashfs", "--out", "/root/etc/edge-agent/image.manifest", ""]
        report.equal("manifest: how it is made", found, wanted)
        report.equal("manifest: mode", oct(os.stat(written).st_mode & 0o7777), "0o644")
        copy = os.path.relpath(os.path.realpath(folder + "/gw.edge-agent.manifest"), os.path.realpath(folder))
        report.equal("manifest: the copy", copy, "gw-7.edge-agent.manifest")


def check_kas(report, parser):
    """The kas files obey kas's own schema, and every repository is pinned."""
    with open(os.path.join(os.path.dirname(kas.__file__), "schema-kas.json"), encoding="utf-8") as file:
        schema = json.load(file)
    files = glob.glob(parser.layer + "/kas/*.yml")
    report.true("kas: files", files)
    for path in files:
        with open(path, encoding="utf-8") as file:
            text = yaml.safe_load(file)
        errors = [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(text)]
        report.equal(f"kas/{os.path.basename(path)}", errors, [])
        for name, repository in (text.get("repos") or {}).items():
            if repository and "url" in repository:
                report.true(f"kas: {name} is pinned", re.fullmatch("[0-9a-f]{40}", repository.get("commit", "")))


def check_recipes(report, parser, source):
    """Every recipe, for every architecture and init system."""
    programs = ["edge-agent", "edge-watch"]
    for name in programs:
        [path] = glob.glob(f"{parser.layer}/recipes-*/*/{name}_*.bb")
        for arch in ARCHITECTURES:
            for features in INIT_SYSTEMS:
                data = parser.recipe(path, arch, features)
                check_source(report, name, data, source)
                check_files(report, name, data)
                if name == "edge-agent":
                    check_install(report, name, data, source)
    with open(os.path.join(source, "packaging/S60edge-agent"), encoding="utf-8") as file:
        report.true("init script: BusyBox has no long options there", "start-stop-daemon --" not in file.read())
    report.equal("edge-watch: variants", data.getVar("BBCLASSEXTEND"), "native nativesdk")
    [path] = glob.glob(parser.layer + "/recipes-*/*/packagegroup-edge-agent.bb")
    group = parser.recipe(path, "arm", "")
    for package in group.getVar("PACKAGES").split():
        report.true(f"{package}: known programs", group.getVar("RDEPENDS:" + package) in programs)
    [path] = glob.glob(parser.layer + "/recipes-*/*/edge-agent-image.bb")
    image = parser.recipe(path, "arm", "edge-agent")
    report.true("image: has the group", "packagegroup-edge-agent" in image.getVar("IMAGE_INSTALL").split())
    report.equal("image: needs the feature", image.getVar("REQUIRED_DISTRO_FEATURES"), "edge-agent")
    check_manifest(report, image)


def main(layer, source):
    """Prints what is wrong, and the sum."""
    report, parser = Report(), Parser(layer)
    check_layer(report, parser)
    check_recipes(report, parser, source)
    check_kernel(report, parser)
    check_kas(report, parser)
    for line in sorted(set(report.wrong)):
        print(line)
    print(f"{report.checked} facts of the layer checked, {len(report.wrong)} wrong")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
