#!/bin/busybox sh
# First process of a guest: file systems, network, clock; then a shell on the console that the harness drives.
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin HOME=/root

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts /dev/mqueue
for place in /dev/shm /tmp /var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "$place"; done
mount -t tmpfs -o mode=755 tmpfs /run
ln -s /run /var/run
mount -t devpts devpts /dev/pts
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup

for word in $(cat /proc/cmdline); do
	case "$word" in
	edge.time=*) date -s "@${word#*=}" >/dev/null ;;
	edge.lifetime=*) lifetime=${word#*=} ;;
	edge.name=*) hostname "${word#*=}" ;;
	esac
done
# A guest whose harness died must not run for ever.
(sleep "${lifetime:-3600}" && poweroff -f) &

for module in /modules/*.ko; do insmod "$module"; done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2

stty -F /dev/console -echo -onlcr
echo "edge guest ready"
# The shell gets a controlling terminal, so that an interactive user can interrupt a command.
setsid cttyhack sh
poweroff -f
