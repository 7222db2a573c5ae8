//! One device: its agent's incarnations, and whether it is heard.

use std::collections::BTreeMap;

use edge_wire::{Head, Heartbeat, State, Status};

use super::notice::{Cause, Gap, Notice, Report};
use super::stream::{Arrival, Due, Stream};
use crate::moment::Moment;

/// Incarnations remembered per device; verdicts of the last one may still come when a new one speaks.
pub(super) const MAX_STREAMS: usize = 4;
/// Heartbeats that must be missing before silence is told, as the schema says.
const SILENT_BEATS: u64 = 3;

/// Boot and incarnation.
type Life = ([u8; 16], u32);

/// The agent's latest books, as far as they explain gaps.
#[derive(Clone, Copy, Debug)]
struct Books {
    /// When they came, in steady milliseconds.
    at_ms: u64,
    /// Verdicts dropped by the agent.
    shed: u64,
    /// Verdicts in flight or queued.
    underway: u64,
}

/// Heartbeats as announced.
#[derive(Clone, Copy, Debug)]
struct Pulse {
    /// When the last one came, in steady milliseconds.
    at_ms: u64,
    /// Seconds to the next.
    interval_s: u32,
}

/// Everything known about one device.
#[derive(Debug)]
pub(super) struct Device {
    /// Its id.
    name: String,
    /// Its lives, each with the number under which it was met.
    streams: BTreeMap<Life, (u64, Stream)>,
    /// Numbers given to lives so far.
    lives: u64,
    /// The incarnation that spoke last as online, by heartbeat or by a verdict.
    life: Option<Life>,
    /// What its status says; `None` before any.
    state: Option<State>,
    /// When it was first heard since it was last offline, in steady milliseconds.
    since_ms: u64,
    /// When it was last heard, in steady milliseconds.
    last_ms: u64,
    /// Its heartbeats, once one has come.
    pulse: Option<Pulse>,
    /// Whether silence has been told.
    silent: bool,
    /// Books of the current incarnation.
    books: Option<Books>,
    /// `ring_full` and `map_full` as last told.
    told: (u64, u64),
}

impl Device {
    /// A device heard for the first time.
    pub(super) fn new(name: &str, now: Moment) -> Self {
        Self {
            name: name.to_owned(),
            streams: BTreeMap::new(),
            lives: 0,
            life: None,
            state: None,
            since_ms: now.steady_ms,
            last_ms: now.steady_ms,
            pulse: None,
            silent: false,
            books: None,
            told: (0, 0),
        }
    }

    /// When it was last heard, in steady milliseconds.
    pub(super) fn heard_ms(&self) -> u64 {
        self.last_ms
    }

    /// Takes note of a verdict.
    pub(super) fn verdict(&mut self, head: &Head, now: Moment, out: &mut Vec<Report>) -> Arrival {
        let life = (head.boot_id, head.incarnation);
        self.hear(now, out);
        self.meet(life);
        self.stream(life, false, now, out).arrive(head.sequence, head.wall_ms, now.steady_ms)
    }

    /// Takes note of a heartbeat.
    pub(super) fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Moment, out: &mut Vec<Report>) {
        let life = (heartbeat.boot_id, heartbeat.incarnation);
        self.hear(now, out);
        self.meet(life);
        self.pulse = Some(Pulse { at_ms: now.steady_ms, interval_s: heartbeat.interval_s });
        let agent = &heartbeat.agent_books;
        let underway = agent.in_flight.saturating_add(agent.queued);
        self.books = Some(Books { at_ms: now.steady_ms, shed: agent.shed, underway });
        let stream = self.stream(life, false, now, out);
        stream.announce(heartbeat.next_sequence, heartbeat.wall_ms, now.steady_ms);
        let cause = stream.explain(agent.shed, underway);
        if cause.shed + cause.on_the_way > 0 {
            self.say(Notice::Explained { incarnation: life.1, cause }, out);
        }
        let kernel = (heartbeat.kernel_books.ring_full, heartbeat.kernel_books.map_full);
        let (ring_full, map_full) =
            (kernel.0.saturating_sub(self.told.0), kernel.1.saturating_sub(self.told.1));
        if ring_full + map_full > 0 {
            self.told = kernel;
            self.say(Notice::Books { ring_full, map_full }, out);
        }
    }

    /// Takes note of a status.
    pub(super) fn status(&mut self, status: &Status, retained: bool, now: Moment, out: &mut Vec<Report>) {
        let life = (status.boot_id, status.incarnation);
        let current = self.life.is_none_or(|known| known == life);
        if status.state == State::ONLINE {
            self.hear(now, out);
            let news = self.state != Some(State::ONLINE) || !current;
            self.meet(life);
            // The agent says it on every connection, and a life met before has its stream: so this marks a beginning, unless
            // the broker had kept it.
            self.stream(life, !retained, now, out);
            if news {
                self.since_ms = now.steady_ms;
                let (version, incarnation) = (status.version.clone(), status.incarnation);
                self.say(Notice::Online { version, incarnation, retained }, out);
            }
            self.state = Some(State::ONLINE);
        } else if current {
            // The last will of an older life is history, not news.
            self.life = Some(life);
            self.stream(life, false, now, out);
            if self.state != Some(status.state) {
                let seen_ms = if retained { 0 } else { now.steady_ms.saturating_sub(self.since_ms) };
                self.say(Notice::Offline { state: status.state, seen_ms }, out);
            }
            self.state = Some(status.state);
            self.pulse = None;
            self.silent = false;
        }
    }

    /// Our own connection was interrupted.
    pub(super) fn reconnected(&mut self, now: Moment) {
        if let Some(pulse) = &mut self.pulse {
            pulse.at_ms = now.steady_ms;
        }
    }

    /// What has become due with time.
    pub(super) fn tick(&mut self, now: Moment, grace_ms: u64, sequences: bool, out: &mut Vec<Report>) {
        let (life, books) = (self.life, self.books);
        let mut notices = Vec::new();
        for (key, (_, stream)) in &mut self.streams {
            if !sequences {
                break;
            }
            if let Some(count) = stream.healed() {
                notices.push(Notice::Healed { incarnation: key.1, count, missing: stream.missing() });
            }
            let Some(due) = stream.due(now.steady_ms, grace_ms) else { continue };
            // Books from before the gap showed cannot explain it.
            let fresh = books.filter(|books| Some(*key) == life && books.at_ms >= due.since_ms);
            let cause = match fresh {
                Some(books) => stream.explain(books.shed, books.underway),
                None => Cause { unknown: due.count, ..Cause::default() },
            };
            notices.push(gap(*key, due, cause));
        }
        for notice in notices {
            self.say(notice, out);
        }
        self.silence(now, out);
    }

    /// Tells of missing heartbeats, once.
    fn silence(&mut self, now: Moment, out: &mut Vec<Report>) {
        let Some(pulse) = self.pulse else { return };
        let limit_ms = SILENT_BEATS * u64::from(pulse.interval_s) * 1000;
        if self.silent || pulse.interval_s == 0 || now.steady_ms.saturating_sub(pulse.at_ms) < limit_ms {
            return;
        }
        self.silent = true;
        let silent_ms = now.steady_ms.saturating_sub(self.last_ms);
        let seen_ms = self.last_ms.saturating_sub(self.since_ms);
        self.say(Notice::Silent { silent_ms, interval_s: pulse.interval_s, seen_ms }, out);
    }

    /// Something came.
    fn hear(&mut self, now: Moment, out: &mut Vec<Report>) {
        if std::mem::take(&mut self.silent) {
            let silent_ms = now.steady_ms.saturating_sub(self.last_ms);
            self.say(Notice::Heard { silent_ms }, out);
        }
        self.last_ms = now.steady_ms;
        if let Some(pulse) = &mut self.pulse {
            // A device that sends verdicts is not silent, whatever became of its heartbeats.
            pulse.at_ms = now.steady_ms;
        }
    }

    /// A life speaks. Within a boot only a younger one replaces the current; verdicts of the old may straggle.
    fn meet(&mut self, life: Life) {
        let newer = self.life.is_none_or(|known| known.0 != life.0 || known.1 < life.1);
        let straggler = self.life.is_some() && self.streams.contains_key(&life);
        if newer && !straggler {
            self.life = Some(life);
            self.books = None;
            self.told = (0, 0);
            self.pulse = None;
        }
    }

    /// The stream of a life, made if need be. Its first number is known to be 0 for us if it `begins` now, or if an earlier
    /// life of the device was met: then we were, or should have been, there.
    fn stream(&mut self, life: Life, begins: bool, now: Moment, out: &mut Vec<Report>) -> &mut Stream {
        let witnessed = begins || !self.streams.is_empty();
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&life) {
            self.retire(now, out);
        }
        self.lives += 1;
        let number = self.lives;
        &mut self.streams.entry(life).or_insert_with(|| (number, Stream::new(witnessed))).1
    }

    /// Forgets the life met first. What it still owed is missing now.
    fn retire(&mut self, now: Moment, out: &mut Vec<Report>) {
        let oldest = self.streams.iter().min_by_key(|(_, (number, _))| *number).map(|(life, _)| *life);
        let Some(life) = oldest else { return };
        if let Some(due) = self.streams.remove(&life).and_then(|(_, mut stream)| stream.due(now.steady_ms, 0))
        {
            let cause = Cause { unknown: due.count, ..Cause::default() };
            self.say(gap(life, due, cause), out);
        }
    }

    /// Adds a report about this device.
    fn say(&self, notice: Notice, out: &mut Vec<Report>) {
        out.push(Report { device: self.name.clone(), notice });
    }
}

/// The notice about what is due in one life.
fn gap(life: Life, due: Due, cause: Cause) -> Notice {
    Notice::Gap(Gap {
        boot_id: life.0,
        incarnation: life.1,
        ranges: due.ranges,
        count: due.count,
        after_ms: due.after_ms,
        before_ms: due.before_ms,
        cause,
    })
}

#[cfg(test)]
mod tests {
    use edge_wire::{AgentBooks, KernelBooks};

    use super::*;

    fn at(steady_ms: u64) -> Moment {
        Moment { steady_ms, wall_ms: 1_000_000 + steady_ms }
    }

    fn status(state: State, incarnation: u32) -> Status {
        Status { state, incarnation, ..Status::default() }
    }

    fn beat(next_sequence: u32) -> Heartbeat {
        Heartbeat { next_sequence, beat: 3, interval_s: 10, ..Heartbeat::default() }
    }

    /// The notices of `act`.
    fn told(device: &mut Device, act: impl FnOnce(&mut Device, &mut Vec<Report>)) -> Vec<Notice> {
        let mut out = Vec::new();
        act(device, &mut out);
        out.into_iter().map(|report| report.notice).collect()
    }

    #[test]
    fn leaving_is_told_with_how_long_it_was_here() {
        let mut device = Device::new("gw", at(0));
        let told_online =
            told(&mut device, |d, out| d.status(&status(State::ONLINE, 5), false, at(100), out));
        assert!(matches!(told_online[..], [Notice::Online { incarnation: 5, retained: false, .. }]));
        let again = told(&mut device, |d, out| d.status(&status(State::ONLINE, 5), false, at(200), out));
        assert_eq!(again, []);
        let old_will = told(&mut device, |d, out| d.status(&status(State::LOST, 4), false, at(300), out));
        assert_eq!(old_will, [], "an older incarnation's will is history");
        let gone = told(&mut device, |d, out| d.status(&status(State::LOST, 5), false, at(5100), out));
        assert_eq!(gone, [Notice::Offline { state: State::LOST, seen_ms: 5000 }]);
    }

    #[test]
    fn three_missing_heartbeats_are_told_once_until_it_speaks() {
        let mut device = Device::new("gw", at(0));
        told(&mut device, |d, out| d.heartbeat(&beat(0), at(1000), out));
        assert_eq!(told(&mut device, |d, out| d.tick(at(30_999), 1000, true, out)), []);
        let silent = Notice::Silent { silent_ms: 30_000, interval_s: 10, seen_ms: 1000 };
        assert_eq!(told(&mut device, |d, out| d.tick(at(31_000), 1000, true, out)), [silent]);
        assert_eq!(told(&mut device, |d, out| d.tick(at(60_000), 1000, true, out)), []);
        let heard = told(&mut device, |d, out| d.heartbeat(&beat(0), at(61_000), out));
        assert_eq!(heard, [Notice::Heard { silent_ms: 60_000 }]);
    }

    #[test]
    fn our_own_absence_is_nobodys_silence() {
        let mut device = Device::new("gw", at(0));
        told(&mut device, |d, out| d.heartbeat(&beat(0), at(0), out));
        device.reconnected(at(100_000));
        assert_eq!(told(&mut device, |d, out| d.tick(at(100_001), 1000, true, out)), []);
    }

    #[test]
    fn the_heartbeat_that_shows_a_gap_explains_it() {
        let mut device = Device::new("gw", at(0));
        told(&mut device, |d, out| d.heartbeat(&beat(4), at(0), out));
        let mut later = beat(10);
        later.agent_books = AgentBooks { shed: 2, ..AgentBooks::default() };
        told(&mut device, |d, out| d.heartbeat(&later, at(10), out));
        let notices = told(&mut device, |d, out| d.tick(at(1500), 1000, true, out));
        let [Notice::Gap(gap)] = &notices[..] else { panic!("{notices:?}") };
        assert_eq!((gap.count, &gap.ranges[..]), (6, &[(4, 9)][..]));
        assert_eq!(gap.cause, Cause { shed: 2, on_the_way: 4, unknown: 0 });
    }

    #[test]
    fn losses_without_numbers_are_told_by_their_growth() {
        let mut device = Device::new("gw", at(0));
        let mut busy = beat(0);
        busy.kernel_books = KernelBooks { ring_full: 5, ..KernelBooks::default() };
        let first = told(&mut device, |d, out| d.heartbeat(&busy, at(0), out));
        assert_eq!(first, [Notice::Books { ring_full: 5, map_full: 0 }]);
        busy.kernel_books.map_full = 1;
        let second = told(&mut device, |d, out| d.heartbeat(&busy, at(1), out));
        assert_eq!(second, [Notice::Books { ring_full: 0, map_full: 1 }]);
    }

    #[test]
    fn a_new_incarnation_starts_at_zero_and_old_debts_are_told() {
        let mut device = Device::new("gw", at(0));
        let head = |incarnation, sequence| Head { incarnation, sequence, ..Head::default() };
        told(&mut device, |d, out| {
            d.verdict(&head(1, 7), at(0), out);
            d.verdict(&head(1, 9), at(0), out);
            d.verdict(&head(2, 1), at(0), out);
        });
        let notices = told(&mut device, |d, out| d.tick(at(1000), 1000, true, out));
        let gaps: Vec<_> = notices
            .iter()
            .filter_map(|notice| {
                if let Notice::Gap(gap) = notice { Some((gap.incarnation, gap.ranges.clone())) } else { None }
            })
            .collect();
        assert_eq!(gaps, [(1, vec![(8, 8)]), (2, vec![(0, 0)])]);
        // A fifth life pushes out the first, with what it owes.
        told(&mut device, |d, out| {
            d.verdict(&head(1, 20), at(2000), out);
        });
        let retired = told(&mut device, |d, out| {
            for incarnation in 3..=5 {
                d.verdict(&head(incarnation, 0), at(2000), out);
            }
        });
        assert!(matches!(&retired[..], [Notice::Gap(gap)] if gap.ranges == [(10, 19)]), "{retired:?}");
    }
}
