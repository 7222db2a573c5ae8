#!/bin/busybox sh
# First process of a guest whose root file system is on its first disk, as an initramfs of a gateway would be: modules, clock, then the
# disk's own init.
/bin/busybox --install -s /bin
export PATH=/bin

mount -t proc proc /proc
mount -t devtmpfs dev /dev
for word in $(cat /proc/cmdline); do
	case "$word" in
	edge.time=*) date -s "@${word#*=}" >/dev/null ;;
	esac
done
for module in /modules/*.ko /disk-modules/*.ko; do insmod "$module"; done
mount -o ro /dev/vda /new
mount --move /dev /new/dev
umount /proc
exec switch_root /new /sbin/init
