//! Sizes and offsets that both sides rely on, asserted at compile time on every architecture.

use core::mem::{offset_of, size_of};

use crate::{
    ActRecord, Allow, Declared, Dropped, EgressKey, EgressPolicy, Facts, FileCounts, FileFacts, FileId,
    FileTamperRecord, FileTamperTuning, Header, HistoryEntry, Known, LateralScanRecord, LateralScanTuning,
    Role, Rule, Task, VolatileExecRecord, VolatileExecTuning, Watch, WindowKey,
};

const _: () = {
    assert!(size_of::<Header>() == 56);
    assert!(offset_of!(Header, detector) == 2);
    assert!(offset_of!(Header, time_ns) == 8);
    assert!(offset_of!(Header, tgid) == 24);
    assert!(offset_of!(Header, comm) == 40);

    assert!(size_of::<FileCounts>() == 40);
    assert!(size_of::<FileTamperRecord>() == 56 + 40 + 16 + 128);
    assert!(offset_of!(FileTamperRecord, window_ns) == 96);
    assert!(offset_of!(FileTamperRecord, path) == 112);

    assert!(size_of::<LateralScanRecord>() == 96);
    assert!(offset_of!(LateralScanRecord, port) == 76);
    assert!(offset_of!(LateralScanRecord, address) == 80);

    assert!(size_of::<VolatileExecRecord>() == 56 + 16 + 128 + 64);
    assert!(offset_of!(VolatileExecRecord, path) == 72);
    assert!(offset_of!(VolatileExecRecord, cwd) == 200);

    assert!(size_of::<ActRecord>() == 56 + 56 + 128);
    assert!(offset_of!(ActRecord, window_ns) == 64);
    assert!(offset_of!(ActRecord, family) == 88);
    assert!(offset_of!(ActRecord, address) == 96);
    assert!(offset_of!(ActRecord, path) == 112);

    assert!(size_of::<Rule>() == 24);
    assert!(size_of::<WindowKey>() == 8);
    assert!(size_of::<Allow>() == 16);
    assert!(size_of::<Watch>() == 8);
    assert!(size_of::<FileId>() == 16);
    assert!(offset_of!(FileId, ino) == 8);
    assert!(size_of::<Task>() == 184);
    assert!(size_of::<Role>() == 32);
    assert!(offset_of!(Task, exe) == 48);
    assert!(offset_of!(Task, name) == 176);
    assert!(size_of::<Dropped>() == 16);
    assert!(size_of::<FileFacts>() == 176);
    assert!(size_of::<Facts>() == 5 * 176 + 96);
    assert!(size_of::<EgressKey>() == 16);
    assert!(offset_of!(EgressKey, network) == 8);
    assert!(size_of::<Known>() == 16);
    assert!(size_of::<Declared>() == 40);
    assert!(size_of::<EgressPolicy>() == 16 + 48 * 40);
    assert!(size_of::<HistoryEntry>() == 72);
    assert!(offset_of!(HistoryEntry, text) == 24);
    assert!(size_of::<FileTamperTuning>() == 32);
    assert!(size_of::<LateralScanTuning>() == 24);
    assert!(size_of::<VolatileExecTuning>() == 8);
};
