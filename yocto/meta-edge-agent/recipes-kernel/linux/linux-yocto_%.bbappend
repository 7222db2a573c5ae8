# Nobody's kernel changes by the mere presence of this layer.
require ${@bb.utils.contains('DISTRO_FEATURES', 'edge-agent', 'edge-agent-kernel.inc', '', d)}
