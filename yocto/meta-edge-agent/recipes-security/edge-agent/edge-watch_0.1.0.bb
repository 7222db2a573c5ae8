SUMMARY = "Subscriber to the verdicts of the edge agent"
DESCRIPTION = "Prints the verdicts of a fleet live or as OCSF JSON, says whether any is missing, \
               brings a broker for the bench, and makes offsets files for kernels without BTF."
SECTION = "security"
CVE_PRODUCT = "edge-watch"

require edge-agent-source.inc

BBCLASSEXTEND = "native nativesdk"
