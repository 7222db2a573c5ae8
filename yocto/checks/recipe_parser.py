"""The real parser of bitbake, over stand-ins for the classes of OpenEmbedded-Core.

A recipe of the layer is evaluated as bitbake does it: variables, flags, overrides, inline Python, appends. What the classes
themselves do is not there; a class that is not listed here is an error, as a misspelt one would be.
"""

import os
import sys
import tempfile
import types

# bitbake imports the client of its server of hashes, for which nobody asks here and which its package leaves out.
for absent in ["hashserv", "hashserv.client"]:
    sys.modules.setdefault(absent, types.ModuleType(absent))
sys.modules["hashserv"].client = sys.modules["hashserv.client"]

import bb.data  # noqa: E402
import bb.fetch2  # noqa: E402
import bb.parse  # noqa: E402

CLASSES = [
    "base", "cargo", "cargo-update-recipe-crates", "core-image", "features_check", "native", "nativesdk", "packagegroup",
    "ptest", "systemd", "update-rc.d",
]

# The variables of bitbake.conf that the layer uses, with its values there.
BITBAKE_CONF = {
    "BPN": "${PN}",
    "BP": "${BPN}-${PV}",
    "PN": "${@bb.parse.vars_from_file(d.getVar('FILE', False), d)[0] or 'defaultpkgname'}",
    "PV": "${@bb.parse.vars_from_file(d.getVar('FILE', False), d)[1] or '1.0'}",
    "PACKAGES": "${PN}",
    "FILE_DIRNAME": "${@os.path.dirname(d.getVar('FILE', False))}",
    "FILESPATH": "${FILE_DIRNAME}/${BPN}:${FILE_DIRNAME}/files",
    "THISDIR": "${@os.path.dirname(d.getVar('FILE'))}",
    "bindir": "/usr/bin",
    "IMAGE_BASENAME": "${PN}",
    "localstatedir": "/var",
    "sysconfdir": "/etc",
    "systemd_system_unitdir": "/usr/lib/systemd/system",
}

# linux-yocto, as far as the append changes it.
KERNEL = """
SRC_URI = "git://kernel.example.org/linux.git;branch=main"
DEPENDS = "bc-native"
KERNEL_FEATURES = ""
KERNEL_DEBUG ?= ""
"""


class Parser:
    """Parses files of one layer."""

    def __init__(self, layer):
        self.layer = os.path.abspath(layer)
        # Removed when the parser goes.
        self._stand_ins = tempfile.TemporaryDirectory(prefix="edge-yocto-")
        classes = os.path.join(self._stand_ins.name, "classes")
        os.mkdir(classes)
        for name in CLASSES:
            with open(os.path.join(classes, name + ".bbclass"), "w", encoding="utf-8") as file:
                file.write("# Stands in for the class of this name.\n")

    def data(self, arch, features):
        """An empty store, as a machine of `arch` and a distribution with `features` would begin with."""
        data = bb.data.init()
        data.setVar("BBPATH", self.layer + ":" + self._stand_ins.name)
        data.setVar("BB_SIGNATURE_HANDLER", "noop")
        data.setVar("__bbclasstype", "recipe")
        data.setVar("DISTRO_FEATURES", features)
        data.setVar("OVERRIDES", "linux:" + arch + ":class-target")
        for name, value in BITBAKE_CONF.items():
            data.setVar(name, value)
        bb.parse.init_parser(data)
        return data

    def configuration(self):
        """conf/layer.conf."""
        data = self.data("aarch64", "")
        data.setVar("LAYERDIR", self.layer)
        return bb.parse.handle(os.path.join(self.layer, "conf/layer.conf"), data, True)

    def recipe(self, path, arch, features, append=None):
        """A recipe; its first variant, which is that for the target."""
        data = self.data(arch, features)
        data.setVar("FILE", path)
        if append:
            data.setVar("__BBAPPEND", append)
        return bb.parse.handle(path, data)[""]

    def kernel(self, append, arch, features):
        """linux-yocto with one of the layer's appends; without one for none."""
        recipe = os.path.join(self._stand_ins.name, "linux-yocto_6.18.bb")
        with open(recipe, "w", encoding="utf-8") as file:
            file.write(KERNEL)
        return self.recipe(recipe, arch, features, append)


def addresses(data):
    """SRC_URI, each as (scheme, place, parameters)."""
    for text in (data.getVar("SRC_URI") or "").split():
        scheme, host, path, _, _, parameters = bb.fetch2.decodeurl(text)
        yield scheme, host + path, parameters
