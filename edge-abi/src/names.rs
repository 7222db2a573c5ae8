//! Names that only threads of the kernel have.

/// How names of kernel threads begin, of those that are worth borrowing: what `ps` shows of them is overlooked by everybody.
pub const KERNEL_NAMES: [&[u8]; 19] = [
    b"kworker",
    b"ksoftirq",
    b"kthreadd",
    b"kswapd",
    b"kdevtmpf",
    b"khungtas",
    b"khugepag",
    b"kcompact",
    b"kblockd",
    b"kauditd",
    b"kintegri",
    b"rcu_sche",
    b"rcu_pree",
    b"rcu_par_",
    b"scsi_eh_",
    b"jbd2/",
    b"irq/",
    b"cpuhp/",
    b"migration/",
];

/// Whether only a kernel thread is named like this, in brackets as `ps` shows them or without. The programs `[` and `[[` are tests
/// of the shell.
#[must_use]
pub fn is_kernel_name(name: &[u8]) -> bool {
    if name.starts_with(b"[") {
        return name != b"[" && name != b"[[";
    }
    name == b"rcu_gp" || KERNEL_NAMES.iter().any(|word| name.starts_with(word))
}
