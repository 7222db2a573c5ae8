//! Members of kernel structs that sensors of the upper rungs read. Where they lie differs between kernels and their configurations;
//! the agent finds out from BTF or an offsets file and sets the kernel side's global `OFFSETS` before the verifier sees it.
//!
//! A member is stated once, here: name, struct, way, and what is read there. The agent refuses a member that is of another size.

/// Slots of `OFFSETS`: room for members to come without another layout.
pub const OFFSET_SLOTS: usize = 96;

/// What lies at an offset, as the sensors read it. Upper rungs are for 64-bit kernels, so a word is 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A value of so many bytes.
    Bytes(u32),
    /// An embedded struct, whose address is taken.
    Part,
    /// A pointer.
    Pointer,
}

/// One list for the enum and what is known of each variant.
macro_rules! offsets {
    ($($group:ident { $($name:ident = $structure:literal . $way:literal : $holds:expr,)* })*) => {
        /// A member of a kernel struct, by its slot in `OFFSETS`. The docs of each variant are its struct and the way to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Offset {
            $($(
                #[doc = concat!("`", $structure, ".", $way, "`.")]
                $name,
            )*)*
        }

        impl Offset {
            /// All of them, in the order of their slots.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The struct it is in.
            #[must_use]
            pub const fn structure(self) -> &'static str {
                match self {
                    $($(Self::$name => $structure,)*)*
                }
            }

            /// The way from the struct to it: names with dots between, those of unnamed structs and unions left out.
            #[must_use]
            pub const fn way(self) -> &'static str {
                match self {
                    $($(Self::$name => $way,)*)*
                }
            }

            /// What is read there.
            #[must_use]
            pub const fn holds(self) -> Holds {
                match self {
                    $($(Self::$name => $holds,)*)*
                }
            }

            /// Whether the object sensors cannot do without it. Of another one a sensor asks `globals::has`.
            #[must_use]
            pub const fn is_needed(self) -> bool {
                match self {
                    $($(Self::$name => offsets!(@$group),)*)*
                }
            }
        }
    };
    (@needed) => { true };
    (@optional) => { false };
}

use Holds::{Bytes, Part, Pointer};

offsets! {
    needed {
        // include/linux/fs.h; `i_ino` is `unsigned long`, or u64 in newer kernels, which on 64 bits is the same.
        InodeMode = "inode"."i_mode": Bytes(2),
        InodeUid = "inode"."i_uid": Bytes(4),
        InodeSb = "inode"."i_sb": Pointer,
        InodeIno = "inode"."i_ino": Bytes(8),
        InodeNlink = "inode"."i_nlink": Bytes(4),
        InodeRdev = "inode"."i_rdev": Bytes(4),
        InodeSize = "inode"."i_size": Bytes(8),
        SuperDev = "super_block"."s_dev": Bytes(4),
        SuperMagic = "super_block"."s_magic": Bytes(8),
        FileInode = "file"."f_inode": Pointer,
        FileMode = "file"."f_mode": Bytes(4),
        FileFlags = "file"."f_flags": Bytes(4),
        FilePos = "file"."f_pos": Bytes(8),
        FilePath = "file"."f_path": Part,
        FileDentry = "file"."f_path.dentry": Pointer,
        FileMnt = "file"."f_path.mnt": Pointer,
        PathMnt = "path"."mnt": Pointer,
        PathDentry = "path"."dentry": Pointer,
        // include/linux/dcache.h
        DentryInode = "dentry"."d_inode": Pointer,
        DentryParent = "dentry"."d_parent": Pointer,
        DentryName = "dentry"."d_name": Part,
        DentryNameText = "dentry"."d_name.name": Pointer,
        DentryNameLen = "dentry"."d_name.len": Bytes(4),
        DentrySb = "dentry"."d_sb": Pointer,
        // include/linux/mount.h
        MountRoot = "vfsmount"."mnt_root": Pointer,
        // include/linux/sched.h
        TaskTgid = "task_struct"."tgid": Bytes(4),
        TaskPid = "task_struct"."pid": Bytes(4),
        TaskParent = "task_struct"."real_parent": Pointer,
        TaskLeader = "task_struct"."group_leader": Pointer,
        TaskStart = "task_struct"."start_boottime": Bytes(8),
        TaskMm = "task_struct"."mm": Pointer,
        TaskCred = "task_struct"."cred": Pointer,
        TaskRealCred = "task_struct"."real_cred": Pointer,
        TaskComm = "task_struct"."comm": Bytes(16),
        TaskFiles = "task_struct"."files": Pointer,
        // include/linux/mm_types.h
        MmExeFile = "mm_struct"."exe_file": Pointer,
        // include/linux/cred.h
        CredUid = "cred"."uid": Bytes(4),
        CredEuid = "cred"."euid": Bytes(4),
        CredEffective = "cred"."cap_effective": Bytes(8),
        CredPermitted = "cred"."cap_permitted": Bytes(8),
        CredUserNs = "cred"."user_ns": Pointer,
        // include/linux/fdtable.h
        FilesTable = "files_struct"."fdt": Pointer,
        TableFiles = "fdtable"."fd": Pointer,
        TableMax = "fdtable"."max_fds": Bytes(4),
        // include/linux/binfmts.h
        BprmFile = "linux_binprm"."file": Pointer,
        BprmCred = "linux_binprm"."cred": Pointer,
        BprmFilename = "linux_binprm"."filename": Pointer,
        BprmInterp = "linux_binprm"."interp": Pointer,
        // include/linux/fs.h, of a change of attributes
        IattrValid = "iattr"."ia_valid": Bytes(4),
        IattrMode = "iattr"."ia_mode": Bytes(2),
        IattrSize = "iattr"."ia_size": Bytes(8),
    }
    optional {
        InodeGid = "inode"."i_gid": Bytes(4),
        SuperType = "super_block"."s_type": Pointer,
        SuperUserNs = "super_block"."s_user_ns": Pointer,
        TypeName = "file_system_type"."name": Pointer,
        FilePrivate = "file"."private_data": Pointer,
        VfsMountSb = "vfsmount"."mnt_sb": Pointer,
        VfsMountFlags = "vfsmount"."mnt_flags": Bytes(4),
        // fs/mount.h
        MountVfs = "mount"."mnt": Part,
        MountParent = "mount"."mnt_parent": Pointer,
        MountPoint = "mount"."mnt_mountpoint": Pointer,
        TaskFlags = "task_struct"."flags": Bytes(4),
        TaskSignal = "task_struct"."signal": Pointer,
        BprmUnsafe = "linux_binprm"."unsafe": Bytes(4),
        IattrUid = "iattr"."ia_uid": Bytes(4),
        IattrGid = "iattr"."ia_gid": Bytes(4),
        UserNsLevel = "user_namespace"."level": Bytes(4),
        UserNsInum = "user_namespace"."ns.inum": Bytes(4),
        // include/linux/net.h, include/net/sock.h
        SocketType = "socket"."type": Bytes(2),
        SocketSock = "socket"."sk": Pointer,
        SocketOps = "socket"."ops": Pointer,
        SockFamily = "sock_common"."skc_family": Bytes(2),
        SockPeerPort = "sock_common"."skc_dport": Bytes(2),
        SockPort = "sock_common"."skc_num": Bytes(2),
        SockPeer = "sock_common"."skc_daddr": Bytes(4),
        SockPeer6 = "sock_common"."skc_v6_daddr": Bytes(16),
        SockType = "sock"."sk_type": Bytes(2),
        SockProtocol = "sock"."sk_protocol": Bytes(2),
        // include/linux/skbuff.h
        SkbLen = "sk_buff"."len": Bytes(4),
        SkbData = "sk_buff"."data": Pointer,
        QstrName = "qstr"."name": Pointer,
        QstrLen = "qstr"."len": Bytes(4),
    }
}

const _: () = assert!(Offset::ALL.len() <= OFFSET_SLOTS);

impl Offset {
    /// Its slot in `OFFSETS`.
    #[must_use]
    pub const fn slot(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_places_in_the_list_and_no_member_stands_twice() {
        for (index, offset) in Offset::ALL.iter().enumerate() {
            assert_eq!(offset.slot(), index);
            let same =
                |other: &&Offset| (other.structure(), other.way()) == (offset.structure(), offset.way());
            assert_eq!(Offset::ALL.iter().filter(same).count(), 1, "{offset:?}");
        }
        assert!(Offset::InodeIno.is_needed() && !Offset::SkbLen.is_needed());
    }
}
