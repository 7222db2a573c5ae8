//! Which guest runs which cases, and how their results reach the test harness.
//!
//! The harness starts a thread per test, which only waits. A few workers boot one guest each and run its cases in
//! order, so that a guest is booted once and no more guests run at a time than there are processors.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use edge_tests::trials::{Outcome, explain};
use edge_tests::vm::{Arch, Kernel, matrix};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::scene::{Scene, is_whole};

/// A case that runs in every guest.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// The detector it is about.
    pub(crate) detector: &'static str,
    /// What it shows.
    pub(crate) name: &'static str,
    /// Runs it.
    pub(crate) run: fn(&mut Scene) -> Outcome,
    /// In which guests.
    pub(crate) place: Place,
}

/// In which guests a case runs. In those in which every case runs ([`is_whole`]) it does in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In all.
    Everywhere,
    /// On the oldest and on the newest kernel of each architecture: what lies between would only repeat them.
    Ends,
    /// In no others.
    Whole,
}

impl Case {
    /// Whether it runs in a guest: 32-bit programs run beside others on 64 bits only.
    fn runs_on(&self, arch: Arch, kernel: Kernel) -> bool {
        let chosen = match self.place {
            Place::Everywhere => true,
            Place::Ends => matches!(kernel, Kernel::V5_10 | Kernel::V7_2),
            Place::Whole => false,
        };
        (chosen || is_whole(arch, kernel)) && (arch == Arch::Arm64 || !self.name.starts_with("compat_"))
    }
}

/// A guest and the cases chosen for it.
type Cell = (Arch, Kernel, Vec<(String, Case)>);

/// A case that took longer than this is listed with how long it took.
const LONG: Duration = Duration::from_secs(10);

/// Results as they come in, by test name.
#[derive(Default)]
struct Results {
    /// What each finished case measured, or why it failed.
    finished: Mutex<BTreeMap<String, Result<Option<String>, String>>>,
    /// How long each took.
    took: Mutex<BTreeMap<String, Duration>>,
    /// Told after each.
    news: Condvar,
}

impl Results {
    /// The results; a case that panicked elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Result<Option<String>, String>>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a result. A failure is told at once, too: the harness tells it when the last guest is gone.
    #[expect(clippy::print_stderr, reason = "for the person who waits")]
    fn put(&self, name: &str, took: Duration, result: Result<Option<String>, String>) {
        if let Err(message) = &result {
            eprintln!("failed {name}: {message}");
        }
        self.took.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), took);
        self.lock().insert(name.to_owned(), result);
        self.news.notify_all();
    }

    /// Waits for a result.
    fn wait(&self, name: &str) -> Result<(), Failed> {
        let mut finished = self.lock();
        loop {
            match finished.get(name) {
                Some(Ok(_)) => return Ok(()),
                Some(Err(message)) => return Err(message.into()),
                None => finished = self.news.wait(finished).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// The tests of this run.
pub(crate) struct Plan {
    /// Guests in the order in which they boot.
    cells: Vec<Cell>,
    /// Whether the tests run; without the programs under test they are ignored, and a list needs no guest.
    able: bool,
    /// Whether tests are only listed.
    list: bool,
    /// What came out.
    results: Arc<Results>,
    /// The threads that boot guests.
    workers: Vec<JoinHandle<()>>,
}

impl Plan {
    /// Lays out the matrix for the tests that `arguments` choose.
    pub(crate) fn new(arguments: &Arguments, cases: &[Case], able: bool) -> Self {
        let cell = |(arch, kernel): (Arch, Kernel)| {
            let named = cases
                .iter()
                .filter(|case| case.runs_on(arch, kernel))
                .map(|case| (format!("{arch}/{kernel}/{}/{}", case.detector, case.name), *case));
            (arch, kernel, named.filter(|(name, _)| chosen(arguments, name)).collect::<Vec<_>>())
        };
        let mut cells: Vec<Cell> =
            matrix().into_iter().map(cell).filter(|(_, _, cases)| !cases.is_empty()).collect();
        // The longest first, so that the last guest does not run alone.
        cells.sort_by_key(|(_, _, cases)| std::cmp::Reverse(cases.len()));
        Self { cells, able, list: arguments.list, results: Arc::default(), workers: Vec::new() }
    }

    /// Starts the guests and returns the tests that wait for their results.
    pub(crate) fn start(&mut self) -> Vec<Trial> {
        if self.able && !self.list {
            let queue = Arc::new(Mutex::new(VecDeque::from(self.cells.clone())));
            let workers = std::thread::available_parallelism().map_or(1, usize::from).min(4);
            for _ in 0..workers {
                let (queue, results) = (Arc::clone(&queue), Arc::clone(&self.results));
                self.workers.push(std::thread::spawn(move || {
                    while let Some(cell) = next(&queue) {
                        run_cell(&cell, &results);
                    }
                }));
            }
        }
        let names = self.cells.iter().flat_map(|(_, _, cases)| cases.iter().map(|(name, _)| name.clone()));
        names
            .map(|name| {
                let results = Arc::clone(&self.results);
                Trial::test(name.clone(), move || results.wait(&name)).with_ignored_flag(!self.able)
            })
            .collect()
    }

    /// Waits until the last guest is gone, then prints what the cases measured.
    #[expect(clippy::print_stdout, reason = "the table is what a person runs these tests for")]
    pub(crate) fn finish(self) {
        for worker in self.workers {
            // A worker does not panic: it catches its cases.
            let _ = worker.join();
        }
        for (name, result) in self.results.lock().iter() {
            if let Ok(Some(measured)) = result {
                println!("measured {name}: {measured}");
            }
        }
        for (name, took) in self.results.took.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if *took > LONG {
                println!("took {:>4} s {name}", took.as_secs());
            }
        }
    }
}

/// Takes the next guest.
fn next(queue: &Mutex<VecDeque<Cell>>) -> Option<Cell> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Whether the arguments choose a test; the harness applies the same rule to what it lists.
fn chosen(arguments: &Arguments, name: &str) -> bool {
    let fits = |text: &String| if arguments.exact { name == text } else { name.contains(text.as_str()) };
    arguments.filter.as_ref().is_none_or(fits) && !arguments.skip.iter().any(fits)
}

/// Boots a guest and runs its cases. When the guest is lost, the next case gets a new one.
fn run_cell((arch, kernel, cases): &Cell, results: &Results) {
    let mut scene: Option<Scene> = None;
    for (name, case) in cases {
        let begin = Instant::now();
        let ready = match scene.take() {
            Some(scene) => Ok(scene),
            None => Scene::new(*arch, *kernel),
        };
        let outcome = match ready {
            Ok(mut ready) => {
                let mark = ready.watch.mark();
                let caught = catch_unwind(AssertUnwindSafe(|| (case.run)(&mut ready)));
                let outcome = caught.unwrap_or_else(|_| Err("the case panicked".into()));
                let outcome = outcome.and_then(|measured| ready.rungs_agree(mark).map(|()| measured));
                let outcome = outcome.map_err(|error| format!("{}\n{}", explain(&*error), ready.account()));
                scene = ready.is_usable().then_some(ready);
                outcome
            }
            Err(error) => Err(explain(&*error)),
        };
        results.put(name, begin.elapsed(), outcome);
    }
}
