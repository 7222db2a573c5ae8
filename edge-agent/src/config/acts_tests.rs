//! Lists of programs and of watched paths: what they merge to, what replaces what, and their common limits.

use super::tests::{is_built, others, told};
use super::*;
use crate::decide::detectors::SPECS;
use crate::decide::detectors::impair_defenses::GUARDS;
use core::fmt::Write as _;
use edge_abi::{Allow, Detector, task_flags};

/// The configuration of a file that must be accepted.
fn accepted(source: &str) -> Config {
    Config::parse(source.as_bytes(), "agent.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// A list of so many paths, each below `folder`.
fn paths(folder: &str, count: usize) -> String {
    let items: Vec<String> = (0..count).map(|number| format!("\"{folder}/{number}\"")).collect();
    format!("[{}]", items.join(", "))
}

#[test]
fn an_entry_lets_the_program_pass_and_its_children_only_when_it_says_so() {
    let config = accepted("detectors.mass_kill.allow = [\"/usr/bin/a\", \"/opt/b:children\"]");
    let kill = Detector::MassKill.bit();
    assert_eq!(config.allow_of(b"/bin/a"), Allow { own: kill, ..Allow::default() });
    assert_eq!(config.allow_of(b"/opt/b"), Allow { own: kill, children: kill, ..Allow::default() });
    assert_eq!(config.allow_of(b"/opt/b:children"), Allow::default());
}

#[test]
fn a_list_replaces_its_own_default_and_no_other() {
    for spec in SPECS.iter().filter(|spec| !spec.allow.is_empty()) {
        let config = accepted(&format!("{} = []", spec.keys.allow));
        let bit = spec.detector.bit();
        assert!(
            config.programs.iter().all(|program| (program.allow.own | program.allow.children) & bit == 0)
        );
        let others = |config: &Config| {
            let masked = |program: &Program| (program.allow.own & !bit, program.allow.flags);
            let masks = config.programs.iter().map(masked).filter(|mask| *mask != (0, 0));
            masks.collect::<Vec<_>>()
        };
        assert_eq!(others(&config), others(&Config::default()), "{}", spec.keys.allow);
        // Programs left without any role take no room.
        assert!(config.programs.iter().all(|program| program.allow != Allow::default()));
    }
}

#[test]
fn trusted_programs_and_spawners_are_flags() {
    let config = accepted(
        "policy.trusted = [\"/usr/bin/rpm\", \"/bin/rpm\"]\npolicy.spawners = [\"/bin/rpm\", \"/opt/s\"]",
    );
    let flags = |path: &str| config.allow_of(path.as_bytes()).flags;
    assert_eq!(flags("/bin/rpm"), task_flags::TRUSTED | task_flags::SPAWNER);
    assert_eq!((flags("/opt/s"), flags("/usr/bin/dpkg"), flags("/sbin/init")), (task_flags::SPAWNER, 0, 0));
    let default = Config::default();
    assert_eq!(default.allow_of(b"/usr/bin/dpkg").flags, task_flags::TRUSTED);
    assert_eq!(default.allow_of(b"/usr/sbin/init").flags, task_flags::SPAWNER);
    assert_eq!(default.allow_of(b"/sbin/start-stop-daemon").flags, 0);
}

#[test]
fn another_spelling_of_a_program_is_no_change() {
    let [old, new] =
        ["/usr/bin/x", "/bin/x"].map(|path| accepted(&format!("detectors.mass_kill.allow = [\"{path}\"]")));
    assert!(diff(&old, &new).is_empty());
    let children = accepted("detectors.mass_kill.allow = [\"/bin/x:children\"]");
    assert_eq!(diff(&new, &children).live.as_slice(), ["detectors.mass_kill.allow"]);
}

#[test]
fn all_keys_can_change_at_once() {
    // One that needs another key, and actions that have one word only.
    let alone = |key: &str| {
        let fixed = SPECS.iter().any(|spec| spec.keys.action == key && spec.actions.is_empty());
        fixed || key == "detectors.volatile_exec.except"
    };
    let others: Vec<_> = others().into_iter().filter(|(key, _)| !alone(key) && is_built(key)).collect();
    let source: String = others.iter().flat_map(|(key, value)| [key, " = ", value, "\n"]).collect();
    let changes = diff(&Config::default(), &accepted(&source));
    let told = changes.restart.iter().chain(&changes.live);
    let mut told: Vec<_> = told.copied().collect();
    let mut keys: Vec<_> = others.iter().map(|(key, _)| *key).collect();
    told.sort_unstable();
    keys.sort_unstable();
    assert_eq!(told, keys);
}

#[test]
fn watched_paths_belong_to_their_detector() {
    let config =
        accepted("detectors.persistence.watch = [\"/opt/a\"]\ndetectors.bus_flood.watch = [\"/dev/b/\"]");
    let found: Vec<(u8, &str)> = config.watched.iter().map(|w| (w.detector, w.path.as_str())).collect();
    assert_eq!(found, [(Detector::Persistence as u8, "/opt/a"), (Detector::BusFlood as u8, "/dev/b/")]);
    let moved =
        accepted("detectors.persistence.watch = [\"/dev/b/\"]\ndetectors.bus_flood.watch = [\"/opt/a\"]");
    assert_eq!(
        diff(&config, &moved).live.as_slice(),
        ["detectors.persistence.watch", "detectors.bus_flood.watch"]
    );
}

#[test]
fn what_a_detector_does_not_have_is_refused() {
    for spec in SPECS.iter().filter(|spec| spec.watch.is_empty()) {
        let told = told(&format!("{} = []", spec.keys.watch));
        assert!(told.concat().contains("unknown key"), "{}: {told:?}", spec.keys.watch);
    }
    for spec in SPECS {
        for (word, action) in [("kill", Action::Kill), ("deny", Action::Deny)] {
            let told = told(&format!("{} = \"{word}\"", spec.keys.action));
            assert_eq!(told.is_empty(), spec.actions.contains(&action), "{}: {told:?}", spec.keys.action);
        }
    }
}

#[test]
fn one_list_holds_so_many() {
    assert_eq!(told(&format!("detectors.mass_kill.allow = {}", paths("/a", ROLE_COUNT))), [""; 0]);
    for (key, folder, most) in [
        ("detectors.mass_kill.allow", "/a", ROLE_COUNT),
        ("policy.spawners", "/a", ROLE_COUNT),
        ("policy.trusted", "/a", TRUSTED_COUNT),
        ("detectors.persistence.watch", "/a", WATCH_COUNT),
    ] {
        let lines = told(&format!("{key} = {}", paths(folder, most + 1)));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with(&format!("expected 0..{most} elements, found {}", most + 1)), "{lines:?}");
    }
}

#[test]
fn all_lists_of_programs_together_hold_so_many_and_it_is_told_once() {
    // Every other list is emptied, so that the sum is known.
    let mut source = "policy.trusted = []\npolicy.spawners = []\n".to_owned();
    for spec in SPECS.iter().skip(6) {
        writeln!(source, "{} = []", spec.keys.allow).unwrap();
    }
    for (index, spec) in SPECS.iter().take(5).enumerate() {
        // Guards are in the table whatever the file says.
        let count = if index == 4 { ROLE_COUNT - GUARDS.len() } else { ROLE_COUNT };
        writeln!(source, "{} = {}", spec.keys.allow, paths(&format!("/{index}"), count)).unwrap();
    }
    let last = SPECS[5].keys.allow;
    assert_eq!(accepted(&format!("{source}{last} = [\"/0/0\", \"/usr/1/1\"]")).programs.len(), PROGRAM_COUNT);
    let line = source.lines().count() + 3;
    assert_eq!(
        told(&format!("{source}{last} = [\"/0/0\",\n\n\"/new\", \"/newer\"]")),
        [format!(
            "agent.toml:{line}: more than 320 programs in `policy.trusted`, `policy.spawners` and every `allow` together"
        )]
    );
}

#[test]
fn all_lists_of_watched_paths_together_hold_so_many_and_it_is_told_once() {
    let mut watching = SPECS.iter().filter(|spec| !spec.watch.is_empty());
    let mut source = String::new();
    for (index, spec) in watching.by_ref().take(WATCHED_COUNT / WATCH_COUNT).enumerate() {
        writeln!(source, "{} = {}", spec.keys.watch, paths(&format!("/{index}"), WATCH_COUNT)).unwrap();
    }
    assert_eq!(accepted(&source).watched.len(), WATCHED_COUNT);
    let line = source.lines().count() + 1;
    for spec in watching.take(2) {
        writeln!(source, "{} = [\"/a\", \"/b\"]", spec.keys.watch).unwrap();
    }
    assert_eq!(told(&source), [format!("agent.toml:{line}: more than 48 paths in every `watch` together")]);
}
