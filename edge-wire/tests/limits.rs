//! The longest messages have exactly the lengths that `max` sums, and nothing decodes wrongly.
#![expect(clippy::panic, reason = "a failed assertion is a test's product")]

use edge_wire::{
    Act, Action, AgentBooks, Ancestor, Bytes, DetectorHealth, DetectorId, Disposition, Evidence, FileTamper,
    Head, Heartbeat, KernelBooks, LateralScan, MAX_DETECTORS, MAX_LINEAGE, Message, Reason, Rung, Severity,
    State, Status, Subject, Technique, Verdict, VolatileExec, WireError, decode, encode_heartbeat,
    encode_status, encode_verdict, max,
};

fn full<const N: usize>() -> Bytes<N> {
    Bytes::cut(&[0xff; 128])
}

fn widest_head(detector: DetectorId) -> Head {
    let ancestor = Ancestor { tgid: u32::MAX, start_ms: u64::MAX, comm: full() };
    Head {
        boot_id: [0xff; 16],
        incarnation: u32::MAX,
        sequence: u32::MAX,
        event_us: u64::MAX,
        wall_ms: u64::MAX,
        detector,
        technique: Technique { number: u16::MAX, sub: u8::MAX },
        severity: Severity(u8::MAX),
        action: Action(u8::MAX),
        disposition: Disposition(u8::MAX),
        rung: Rung(u8::MAX),
        subject: Subject { tgid: u32::MAX, start_ms: u64::MAX, uid: u32::MAX, comm: full(), exe: full() },
        lineage: (0..MAX_LINEAGE).map(|_| ancestor.clone()).collect(),
        repeats: u32::MAX,
    }
}

fn widest_evidence(detector: DetectorId) -> Evidence {
    const U32: u32 = u32::MAX;
    match detector {
        DetectorId::FILE_TAMPER => Evidence::FileTamper(FileTamper {
            reason: Reason(u8::MAX),
            files: U32,
            renames: U32,
            unlinks: U32,
            overwrites: U32,
            samples_high: U32,
            samples_flat: U32,
            samples: U32,
            window_ms: U32,
            elapsed_ms: U32,
            path: full(),
            flags: u8::MAX,
        }),
        DetectorId::LATERAL_SCAN => Evidence::LateralScan(LateralScan {
            reason: Reason(u8::MAX),
            family: u8::MAX,
            protocol: u8::MAX,
            port: u16::MAX,
            address: full(),
            hosts: U32,
            tries: U32,
            window_ms: U32,
            elapsed_ms: U32,
        }),
        DetectorId::VOLATILE_EXEC => Evidence::VolatileExec(VolatileExec {
            flags: u8::MAX,
            path: full(),
            cwd: full(),
            reason: Reason(u8::MAX),
        }),
        act if act.has_act() => Evidence::Act(Act {
            reason: Reason(u8::MAX),
            flags: u8::MAX,
            count: U32,
            window_ms: U32,
            elapsed_ms: U32,
            value: u64::MAX,
            target: U32,
            target_comm: full(),
            object: full(),
            protocol: u8::MAX,
            port: u16::MAX,
            address: full(),
        }),
        other => panic!("{other} has no evidence here: add it"),
    }
}

#[test]
fn the_widest_verdict_is_what_max_says() {
    let widest = DetectorId::ALL
        .iter()
        .map(|&detector| {
            let verdict = Verdict { head: widest_head(detector), evidence: widest_evidence(detector) };
            let payload = encode_verdict(&verdict).expect("the widest verdict fits");
            assert_eq!(decode(&payload), Ok(Message::Verdict(verdict)));
            payload.len()
        })
        .max();
    assert_eq!(widest, Some(max::VERDICT));
}

#[test]
fn the_widest_heartbeat_and_status_are_what_max_says() {
    let detector = DetectorHealth {
        detector: DetectorId(255),
        rung: Rung(255),
        action: Action(255),
        findings: u32::MAX,
    };
    let heartbeat = Heartbeat {
        boot_id: [0xff; 16],
        incarnation: u32::MAX,
        beat: u32::MAX,
        next_sequence: u32::MAX,
        uptime_s: u32::MAX,
        interval_s: u32::MAX,
        wall_ms: u64::MAX,
        version: full(),
        kernel: full(),
        kernel_books: KernelBooks {
            evidence: u64::MAX,
            findings: u64::MAX,
            submitted: u64::MAX,
            ring_full: u64::MAX,
            held: u64::MAX,
            map_full: u64::MAX,
        },
        agent_books: AgentBooks {
            received: u64::MAX,
            malformed: u64::MAX,
            dismissed: u64::MAX,
            folded: u64::MAX,
            decided: u64::MAX,
            acknowledged: u64::MAX,
            in_flight: u64::MAX,
            queued: u64::MAX,
            shed: u64::MAX,
        },
        rss_kib: u32::MAX,
        cpu_ms: u64::MAX,
        detectors: (0..MAX_DETECTORS).map(|_| detector).collect(),
        live: u32::MAX,
    };
    let payload = encode_heartbeat(&heartbeat).unwrap();
    assert_eq!(payload.len(), max::HEARTBEAT);
    assert_eq!(decode(&payload), Ok(Message::Heartbeat(heartbeat)));

    let status = Status {
        state: State(255),
        boot_id: [0xff; 16],
        incarnation: u32::MAX,
        wall_ms: u64::MAX,
        version: full(),
    };
    let payload = encode_status(&status).unwrap();
    assert_eq!(payload.len(), max::STATUS);
    assert_eq!(decode(&payload), Ok(Message::Status(status)));
}

#[test]
fn evidence_of_another_detector_is_refused() {
    let mut head = widest_head(DetectorId::FILE_TAMPER);
    let evidence = widest_evidence(DetectorId::LATERAL_SCAN);
    let refused = Err(WireError::Evidence(DetectorId::FILE_TAMPER));
    assert_eq!(encode_verdict(&Verdict { head: head.clone(), evidence }), refused);
    let act = widest_evidence(DetectorId::BUS_FLOOD);
    let own = Verdict { head: head.clone(), evidence: act.clone() };
    assert_eq!(encode_verdict(&own), refused, "a detector with its own evidence has no act");
    for beyond in [0, 27, 77, 200] {
        let head = Head { detector: DetectorId(beyond), ..head.clone() };
        let refused = Err(WireError::Evidence(DetectorId(beyond)));
        assert_eq!(encode_verdict(&Verdict { head, evidence: act.clone() }), refused);
    }
    head.detector = DetectorId(77);
    let refused = Err(WireError::Evidence(DetectorId(77)));
    assert_eq!(encode_verdict(&Verdict { head, evidence: Evidence::Unknown { length: 3 } }), refused);
}

#[test]
fn a_newer_detector_still_tells_its_head() {
    let head = widest_head(DetectorId::VOLATILE_EXEC);
    let evidence = widest_evidence(DetectorId::VOLATILE_EXEC);
    let mut payload = encode_verdict(&Verdict { head: head.clone(), evidence }).unwrap();
    let position = 2 + 16 + 5 + 5 + 10 + 10;
    assert_eq!(payload[position], DetectorId::VOLATILE_EXEC.0);
    for newer in [27, 99, 200] {
        payload[position] = newer;
        let Ok(Message::Verdict(verdict)) = decode(&payload) else { panic!("the head must decode") };
        assert_eq!(verdict.head.subject, head.subject);
        assert!(matches!(verdict.evidence, Evidence::Unknown { length } if length > 0));
    }
}

#[test]
fn every_detector_fits_a_heartbeat_with_room_for_two_more() {
    let detectors = DetectorId::ALL.iter().map(|&detector| DetectorHealth { detector, ..Default::default() });
    let heartbeat = Heartbeat { detectors: detectors.collect(), live: 0x07ff_fffe, ..Heartbeat::default() };
    assert_eq!(heartbeat.detectors.len() + 2, MAX_DETECTORS);
    let payload = encode_heartbeat(&heartbeat).unwrap();
    assert_eq!(decode(&payload), Ok(Message::Heartbeat(heartbeat)));
}

#[test]
fn appended_fields_are_ignored() {
    let status = Status { state: State::ONLINE, ..Status::default() };
    let mut payload = encode_status(&status).unwrap();
    payload.extend_from_slice(b"a newer field").unwrap();
    assert_eq!(decode(&payload), Ok(Message::Status(status)));
}

proptest::proptest! {
    #[test]
    fn any_bytes_decode_or_say_why(bytes in proptest::collection::vec(0_u8.., 0..600)) {
        if let Err(error) = decode(&bytes) {
            proptest::prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn framed_bytes_decode_or_say_why(kind in 1_u8..4, mut bytes in proptest::collection::vec(0_u8.., 0..510)) {
        bytes.splice(0..0, [edge_wire::SCHEMA_VERSION, kind]);
        match decode(&bytes) {
            // What decodes also encodes, and to no more than it was.
            Ok(Message::Status(status)) => {
                let again = encode_status(&status).unwrap();
                proptest::prop_assert!(again.len() <= bytes.len());
                proptest::prop_assert_eq!(decode(&again), Ok(Message::Status(status)));
            }
            Ok(Message::Verdict(verdict)) if !matches!(verdict.evidence, Evidence::Unknown { .. }) => {
                let again = encode_verdict(&verdict).unwrap();
                proptest::prop_assert_eq!(decode(&again), Ok(Message::Verdict(verdict)));
            }
            Ok(_) => {}
            Err(error) => proptest::prop_assert!(!error.to_string().is_empty()),
        }
    }
}
