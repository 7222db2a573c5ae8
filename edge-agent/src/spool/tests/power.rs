//! A medium in memory that loses power in the middle of any write.

use std::cell::RefCell;
use std::rc::Rc;

use embedded_storage_async::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};
use proptest::prelude::*;

use super::super::lane::Lane;
use super::*;

/// Bytes of a page here: small, so that pages turn often.
const PAGE: usize = 512;
/// Pages.
const PAGES: usize = 4;

/// What is shared by the medium and the test: the bytes, and how many may still be written before the power is gone.
#[derive(Clone)]
struct Memory(Rc<RefCell<(Vec<u8>, usize)>>);

impl Memory {
    fn new(power: usize) -> Self {
        Self(Rc::new(RefCell::new((vec![0xFF; PAGE * PAGES], power))))
    }

    /// The same bytes, with power again.
    fn again(&self) -> Self {
        Self(Rc::new(RefCell::new((self.0.borrow().0.clone(), usize::MAX))))
    }

    /// Writes as many bytes as there is power for.
    fn put(&self, offset: usize, bytes: &[u8]) -> Result<(), SpoolError> {
        let (memory, power) = &mut *self.0.borrow_mut();
        for (index, byte) in bytes.iter().enumerate() {
            if *power == 0 {
                return Err(SpoolError::Io { what: "power", source: std::io::ErrorKind::Other.into() });
            }
            *power -= 1;
            memory[offset + index] = *byte;
        }
        Ok(())
    }
}

impl ErrorType for Memory {
    type Error = SpoolError;
}

impl ReadNorFlash for Memory {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SpoolError> {
        let offset = offset as usize;
        bytes.copy_from_slice(&self.0.borrow().0[offset..offset + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        PAGE * PAGES
    }
}

impl NorFlash for Memory {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), SpoolError> {
        self.put(from as usize, &vec![0xFF; (to - from) as usize])
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SpoolError> {
        self.put(offset as usize, bytes)
    }
}

impl MultiwriteNorFlash for Memory {}

impl Medium for Memory {
    fn sync(&mut self) -> Result<u64, SpoolError> {
        Ok(0)
    }

    fn set_trimming(&mut self, _: bool) {}
}

/// What a run does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Push,
    Deliver,
}

/// Runs acts until the power is gone. The numbers that must be there then, oldest first: those whose push returned and that were neither
/// delivered nor displaced; and those that may be.
fn run(memory: Memory, acts: &[Act]) -> (Vec<u32>, Vec<u32>) {
    let mut lane = Lane::open(memory).unwrap();
    let (mut there, mut perhaps) = (Vec::new(), Vec::new());
    for (number, act) in acts.iter().enumerate() {
        match act {
            Act::Push => {
                let number = number as u32;
                let before = lane.books();
                let result = lane.push(&verdict(1, number));
                // What made room went first, whether or not the push came to its end. One more may be half gone.
                let gone = lane.books().displaced - before.displaced;
                there.drain(..gone as usize);
                if result.is_err() {
                    perhaps.push(number);
                    if !there.is_empty() {
                        perhaps.push(there.remove(0));
                    }
                    break;
                }
                there.push(number);
            }
            Act::Deliver => {
                let mut lent = Vec::new();
                // Reading empties pages that hold nothing any more, so it can fail for want of power as well.
                while let Ok(Some(one)) = lane.lend() {
                    lent.push(one);
                }
                there.drain(..lent.len());
                perhaps.extend(lent.iter().map(|(_, entry)| entry.sequence()));
                if lent.iter().any(|(key, _)| lane.acknowledge(*key).is_err()) {
                    break;
                }
                perhaps.clear();
            }
        }
        assert!(lane.books().balance());
    }
    (there, perhaps)
}

/// The numbers a lane holds.
fn held(lane: &mut Lane<Memory>) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some((key, entry)) = lane.lend().unwrap() {
        numbers.push(entry.sequence());
        // Acknowledged at the end of each batch, so that the next one is read.
        let _ = lane.acknowledge(key).unwrap();
    }
    numbers
}

/// Cuts the power after `power` bytes of these acts.
fn cut(power: usize, acts: &[Act]) -> Result<(), String> {
    let memory = Memory::new(power);
    let (there, perhaps) = run(memory.clone(), acts);
    let mut lane =
        Lane::open(memory.again()).map_err(|error| format!("not opened after {power}: {error}"))?;
    let found = held(&mut lane);
    let missing: Vec<_> = there.iter().filter(|number| !found.contains(number)).collect();
    let strange: Vec<_> =
        found.iter().filter(|number| !there.contains(number) && !perhaps.contains(number)).collect();
    if !missing.is_empty() || !strange.is_empty() {
        return Err(format!("after {power} bytes: missing {missing:?}, strange {strange:?}"));
    }
    lane.push(&verdict(1, 9_999)).map_err(|error| format!("after {power} bytes: {error}"))?;
    let found = held(&mut lane);
    if found != [9_999] {
        return Err(format!("after {power} bytes: {found:?} instead of the new one"));
    }
    Ok(())
}

#[test]
fn power_may_be_cut_at_every_byte() {
    // Fills, wraps, is emptied, and fills again.
    let mut acts = vec![Act::Push; 14];
    acts.push(Act::Deliver);
    acts.extend([Act::Push; 5]);
    acts.push(Act::Deliver);
    let all = Memory::new(usize::MAX);
    let _ = run(all.clone(), &acts);
    let spent = usize::MAX - all.0.borrow().1;
    assert!(spent > 4_000, "{spent} bytes");
    for power in 0..spent {
        cut(power, &acts).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_done_and_whenever_the_power_went(
        acts in proptest::collection::vec(prop_oneof![6 => Just(Act::Push), 1 => Just(Act::Deliver)], 1..60),
        power in 0_usize..12_000,
    ) {
        prop_assert_eq!(cut(power, &acts), Ok(()));
    }

    #[test]
    fn any_bytes_are_opened_or_refused(bytes in proptest::collection::vec(any::<u8>(), PAGE * PAGES)) {
        let memory = Memory::new(usize::MAX);
        memory.0.borrow_mut().0 = bytes;
        if let Ok(mut lane) = Lane::open(memory) {
            let _ = lane.push(&verdict(1, 1));
            for _ in 0..100 {
                let Ok(Some((key, _))) = lane.lend() else { break };
                let _ = lane.acknowledge(key);
            }
        }
    }
}
