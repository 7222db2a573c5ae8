SUMMARY = "Runtime security by the edge agent"
SUMMARY:${PN}-bench = "A subscriber with a broker of its own, to see the edge agent at work"
DESCRIPTION = "What a protected image needs, and in a package of its own what helps on the bench."
SECTION = "security"

inherit packagegroup

PACKAGES = "${PN} ${PN}-bench"

RDEPENDS:${PN} = "edge-agent"
RDEPENDS:${PN}-bench = "edge-watch"
