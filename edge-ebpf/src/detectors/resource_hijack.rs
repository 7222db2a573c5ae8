//! `resource_hijack`: sustained use of the processor by a program that is not part of the image.
//!
//! Technique: T1496.001 (compute hijacking).
//! Hook: perf event, software `cpu-clock`, a sample every [`edge_abi::SAMPLE_NS`] per CPU (Linux 4.9), see `sensors/clock.rs`.
//! Record: [`edge_abi::ActRecord`]. `count` is samples in the window, each a tenth of a second of one CPU.
//! Cost: ten interrupts per second and CPU, idle or not; for each a look-up of the process that runs.
//! Blind to: programs in the directories of the image, whoever put them there (`foreign_exec` tells); code run inside a program
//! of the image, an interpreter for one; work done in the kernel on somebody's behalf; less than the threshold.

use edge_abi::{Task, task_flags};

/// Whether a program is not of the image: run from volatile storage, or from outside the directories where an image has its
/// programs. A kernel thread, or a process whose program is not known, is none; nor is one given by a bare relative path, unless from
/// volatile storage, because it may lie anywhere.
#[inline(always)]
#[must_use]
pub fn is_foreign(task: &Task) -> bool {
    if task.flags & task_flags::VOLATILE != 0 {
        return true;
    }
    let exe = &task.exe;
    task.exe_len != 0
        && exe.starts_with(b"/")
        && !(exe.starts_with(b"/usr/")
            || exe.starts_with(b"/bin/")
            || exe.starts_with(b"/sbin/")
            || exe.starts_with(b"/lib/")
            || exe.starts_with(b"/lib64/")
            || exe.starts_with(b"/opt/"))
}

#[cfg(test)]
mod tests {
    use edge_abi::{CWD_BYTES, EXE_BYTES};

    use super::*;

    fn task(path: &str, flags: u32) -> Task {
        let mut exe = [0; EXE_BYTES];
        exe[..path.len()].copy_from_slice(path.as_bytes());
        Task {
            start_ns: 1,
            exe_id: 0,
            flags,
            uid: 0,
            parent: 1,
            origin: 1,
            allow: 0,
            inherit: 0,
            exe_len: path.len() as u32,
            cwd_len: 0,
            exe,
            cwd: [0; CWD_BYTES],
            name: 0,
            exe_file: 0,
        }
    }

    #[test]
    fn programs_from_elsewhere_are_foreign() {
        for path in ["/data/x", "/home/u/xmrig", "/tmp/x", "/usrlocal/x", "/media/card/x"] {
            assert!(is_foreign(&task(path, 0)), "{path}");
        }
        assert!(is_foreign(&task("./x", task_flags::VOLATILE)));
        assert!(is_foreign(&task("/usr/bin/../../tmp/x", task_flags::VOLATILE)));
    }

    #[test]
    fn programs_of_the_image_and_kernel_threads_are_not() {
        for path in ["/usr/bin/x", "/usr/local/bin/x", "/bin/sh", "/sbin/x", "/lib/systemd/x", "/opt/v/x"] {
            assert!(!is_foreign(&task(path, 0)), "{path}");
        }
        assert!(!is_foreign(&task("", 0)));
        assert!(!is_foreign(&task("x", 0)), "may lie anywhere");
    }
}
