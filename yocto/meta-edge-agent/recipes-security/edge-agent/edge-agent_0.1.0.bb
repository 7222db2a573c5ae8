require edge-agent.inc
