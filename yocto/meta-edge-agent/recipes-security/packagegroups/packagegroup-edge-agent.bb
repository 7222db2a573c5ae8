SUMMARY = "Runtime security by the edge agent"
DESCRIPTION = "What a protected image needs, and in a package of its own what helps on the bench."

inherit packagegroup

PACKAGES = "${PN} ${PN}-bench"

SUMMARY:${PN}-bench = "A subscriber with a broker of its own, to see the edge agent at work"

RDEPENDS:${PN} = "edge-agent"
RDEPENDS:${PN}-bench = "edge-watch"
