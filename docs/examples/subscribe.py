"""Prints what edge agents say over MQTT, a JSON object a line: python3 subscribe.py HOST[:PORT]; paho-mqtt 1.6 or 2."""
import ipaddress, json, platform, sys, uuid  # numbers in comments are sections of edge-wire/SCHEMA.md, the only source

CHANNELS = {"verdict": "verdict", "heartbeat": "health", "status": "status"}  # kinds 1 to 3 (2), their topics (1)
WORDS = {"rung": "off tracepoint cgroup kprobe lsm proc", "state": "lost online stopped",  # numbered from 0 (8)
         "severity": "info low medium high critical", "action": "observe kill deny",
         "disposition": "reported killed denied failed",
         "detector": "unknown-0 file_tamper lateral_scan volatile_exec fileless_exec foreign_exec shell_on_socket "
                     "login_guessing raw_socket device_tamper sysctl_tamper persistence credential_access kernel_code "
                     "process_injection privilege_jump masquerade impair_defenses mass_kill resource_hijack uring_use "
                     "namespace_escape fetch_loop new_egress flood_out net_tamper bus_flood",
         "reason": "sole encrypted_content new_ending overwritten mass_delete fan_out lateral guessing memfd "
                   "deleted_file descriptor dropped_and_run self_unlink socket_stdio relay raw packet socket_filter "
                   "flash disk memory_device watchdog watchdog_disabled init_script cron authorized_keys profile "
                   "preload event_hook account password_file private_key token own_secret module bpf_program kexec "
                   "ptrace remote_write proc_mem root_gained capability_gained setuid_file kernel_name deceptive_name "
                   "hidden_proc foreign_name guard_signalled log_cleared own_file unshare setns mount pivot_root "
                   "host_hook repeated piped destination listener beacon packets bytes rules_removed rules_replaced "
                   "route_removed spread_work slow drops_all redirects"}
LAYOUTS = {  # `field:type`; without type: the field's name is one, or else u32; 96: `bytes ≤ 96`; 4*x: `list ≤ 4` (4-7)
    "verdict": "boot_id incarnation sequence event_us:u64 wall_ms:u64 detector technique severity action disposition "
               "rung subject lineage:4*ancestor repeats", "status": "state boot_id incarnation wall_ms:u64 version:16",
    "subject": "tgid start_ms:u64 uid comm:16 exe:96", "watched": "detector rung action findings",
    "file_tamper": "reason files renames unlinks overwrites samples_high samples_flat samples window_ms elapsed_ms "
                   "path:96 flags:u8", "volatile_exec": "flags:u8 path:96 cwd:64 reason",
    "lateral_scan": "reason family:u8 protocol:u8 port:u16 address hosts tries window_ms elapsed_ms",
    "heartbeat": "boot_id incarnation beat next_sequence uptime_s interval_s wall_ms:u64 version:16 kernel:32 "
                 "kernel_books agent_books rss_kib cpu_ms:u64 detectors:28*watched live",
    "kernel_books": "evidence:u64 findings:u64 submitted:u64 ring_full:u64 held:u64 map_full:u64",
    "agent_books": "received:u64 malformed:u64 dismissed:u64 folded:u64 decided:u64 acknowledged:u64 in_flight:u64 "
                   "queued:u64 shed:u64", "ancestor": "tgid start_ms:u64 comm:16", "technique": "number:u16 sub:u8"}
ACT = ("reason flags:u8 count window_ms elapsed_ms value:u64 target target_comm:16 object:96 protocol:u8 port:u16 "
       "address")
LAYOUTS.update(dict.fromkeys(WORDS["detector"].split()[4:], ACT))

def varint(body, bits):
    if bits <= 0 or (byte := body.pop(0)) & 127 >= 1 << bits: raise IndexError("number too large")
    return byte if byte < 128 else byte - 128 + (varint(body, bits - 7) << 7)

def read(body, kind):  # takes a value from the front of `body` (3)
    if kind in LAYOUTS:
        fields = {name: read(body, of or name) for name, _, of in (f.partition(":") for f in LAYOUTS[kind].split())}
        return {**fields, "evidence": read(body, fields["detector"])} if kind == "verdict" else fields
    if kind.startswith("unknown-"): return {"unknown_length": len([body.pop() for _ in bytes(body)])}
    if kind in WORDS: return dict(enumerate(WORDS[kind].split())).get(number := body.pop(0), f"unknown-{number}")
    if kind == "boot_id": return str(uuid.UUID(bytes=bytes(body.pop(0) for _ in range(16))))
    if kind == "address": return str(ipaddress.ip_address(a)) if len(a := read(body, "16")) in (4, 16) else a
    if not kind[0].isdigit(): return body.pop(0) if kind == "u8" else varint(body, {"u16": 16, "u64": 64}.get(kind, 32))
    count, (limit, _, element) = varint(body, 32), kind.partition("*")
    if count > int(limit): raise IndexError("longer than its limit")
    return [read(body, element) for _ in range(count)] if element else bytes(body.pop(0) for _ in range(count))

def decode(payload):  # returns kind, fields and the bytes after them; a ValueError names the error (2)
    if len(payload) < 2: raise ValueError("empty")
    if payload[0] != 1: raise ValueError("version")
    if len(payload) > 512: raise ValueError("oversize")
    if not 1 <= payload[1] <= 3: raise ValueError("kind")
    kind, body = list(CHANNELS)[payload[1] - 1], bytearray(payload[2:])
    try: return kind, read(body, kind), bytes(body)
    except IndexError as error: raise ValueError("body") from error

def line(topic, payload):  # names that attackers choose are printed as in a bytes literal: plain ASCII (12)
    device, channel = topic.split("/")[-2:]
    try: kind, fields, _ = decode(payload)
    except ValueError as error: kind, fields = None, {"error": str(error), "length": len(payload)}
    if kind and CHANNELS[kind] != channel: fields = {"error": "misrouted"}
    return json.dumps({"device": device, "kind": kind, **fields}, default=lambda raw: repr(raw)[2:-1])

if __name__ == "__main__":
    import paho.mqtt.subscribe as mqtt
    host, _, port = sys.argv[1].partition(":")
    mqtt.callback(lambda *event: print(line(event[2].topic, event[2].payload), flush=True),
                  [f"edge/v1/+/{channel}" for channel in CHANNELS.values()], 1, hostname=host, port=int(port or 1883),
                  client_id=f"subscribe-{platform.node()}", clean_session=False)
