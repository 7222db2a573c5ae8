//! The form of the files, as `check-package` and the manual of Buildroot 2026.02 want it.

use super::Findings;

/// Widest line of a help text: with a tab of eight columns in front it stays within a terminal.
const HELP_WIDTH: usize = 72;
/// Columns of a tab.
const TAB: usize = 8;
/// Digits of a SHA-256.
const DIGITS: usize = 64;
/// What a defconfig must ask for.
const CHECK_HASHES: &str = "BR2_DOWNLOAD_FORCE_CHECK_HASHES=y";
/// Where the number of the process stands.
const PIDFILE: &str = "PIDFILE=\"/var/run/$DAEMON.pid\"";

/// What is wrong with the form of the file at `path`.
pub(super) fn of(path: &str, text: &str) -> Findings {
    let name = path.rsplit('/').next().unwrap_or(path);
    // The README is for people who read this workspace.
    if name == "README.md" {
        return Findings::new();
    }
    let mut findings = spacing(text);
    let (stem, kind) = name.rsplit_once('.').unwrap_or((name, ""));
    match (name, kind) {
        ("Config.in", _) => findings.extend(config(text)),
        ("external.mk", _) => {}
        (_, "mk") => findings.extend(makefile(stem, text)),
        (_, "hash") => findings.extend(text.lines().filter_map(hash)),
        _ if name.ends_with("_defconfig") && !text.lines().any(|line| line == CHECK_HASHES) => {
            findings.push(format!("{CHECK_HASHES} is missing"));
        }
        _ if path == super::SCRIPT => findings.extend(script(name, text)),
        _ => {}
    }
    findings
}

/// Blanks where nobody sees them.
fn spacing(text: &str) -> Findings {
    let mut findings = Findings::new();
    let lines: Vec<_> = text.lines().collect();
    for (number, line) in (1..).zip(&lines) {
        if line.ends_with([' ', '\t']) {
            findings.push(format!("line {number} ends with a blank"));
        }
    }
    if lines.windows(2).any(|pair| pair.iter().all(|line| line.is_empty())) {
        findings.push("has two empty lines in a row".to_owned());
    }
    if !text.ends_with('\n') || text.ends_with("\n\n") || text == "\n" {
        findings.push("does not end with exactly one line end".to_owned());
    }
    findings
}

/// A package's makefile: its head, and tabs where make wants them.
fn makefile(package: &str, text: &str) -> Findings {
    let mut findings = Findings::new();
    let bar = "#".repeat(80);
    let head = [bar.as_str(), "#", &format!("# {package}"), "#", &bar, ""];
    if text.lines().take(head.len()).ne(head) {
        findings.push(format!("does not begin with the head of 80 `#` that names {package}"));
    }
    let (mut in_define, mut continued) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let ends = line.starts_with("endef");
        let inside = (in_define && !ends) || continued;
        if !line.is_empty() && !line.starts_with('#') && inside != line.starts_with('\t') {
            findings
                .push(format!("line {number} is {}indented with a tab", if inside { "not " } else { "" }));
        }
        in_define = (in_define || line.starts_with("define ")) && !ends;
        continued = line.ends_with('\\') && !line.starts_with('#');
    }
    findings
}

/// A line of digests: kind, digest and file, two blanks between them.
fn hash(line: &str) -> Option<String> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let fields: Vec<_> = line.split("  ").collect();
    let good = matches!(fields.as_slice(), ["sha256", digest, file]
        if digest.len() == DIGITS
            && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !file.is_empty()
            && !file.contains(' '));
    (!good)
        .then(|| format!("`{line}` is not sha256, {DIGITS} digits and a file with two blanks between them"))
}

/// The options: how attributes and help texts are indented and wrapped.
fn config(text: &str) -> Findings {
    let mut findings = Findings::new();
    let mut continued = false;
    for (number, line) in (1..).zip(text.lines()) {
        let indented = line.starts_with([' ', '\t']);
        let help = line.starts_with("\t  ");
        let attribute = line.strip_prefix('\t').is_some_and(|rest| !rest.starts_with([' ', '\t']));
        if indented && !help && !attribute && !continued {
            findings.push(format!(
                "line {number} is indented by neither a tab nor, as help, a tab and two blanks"
            ));
        }
        let width = line.chars().count() + line.matches('\t').count() * (TAB - 1);
        if help && width > HELP_WIDTH {
            findings.push(format!("line {number} of a help has {width} columns, more than {HELP_WIDTH}"));
        }
        continued = line.ends_with('\\');
    }
    findings
}

/// The script for init: what other scripts and people look for in it.
fn script(name: &str, text: &str) -> Findings {
    let mut findings = Findings::new();
    let mut code = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let daemon = code.next().and_then(|line| line.strip_prefix("DAEMON=\""));
    let daemon = daemon.and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    let number = name.strip_suffix(daemon).and_then(|rest| rest.strip_prefix('S')).unwrap_or_default();
    if daemon.is_empty() || number.len() != 2 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        findings
            .push("is not called S, two digits and what its first line of code assigns to DAEMON".to_owned());
    }
    if !text.lines().any(|line| line == PIDFILE) {
        findings.push(format!("has no line {PIDFILE}"));
    }
    for function in ["start", "stop", "restart", "reload"] {
        if !text.lines().any(|line| line.strip_suffix("() {") == Some(function)) {
            findings.push(format!("has no function {function}"));
        }
    }
    if text.lines().any(|line| line.trim_start_matches('\t').starts_with(' ')) {
        findings.push("is indented with blanks, not tabs".to_owned());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A makefile in good form.
    fn good_makefile() -> String {
        let bar = "#".repeat(80);
        format!(
            "{bar}\n#\n# edge\n#\n{bar}\n\nEDGE_A = \\\n\tb\n\ndefine EDGE_C\n\td\nendef\n\n$(eval $(cargo-package))\n"
        )
    }

    #[test]
    fn blanks_are_found() {
        assert!(spacing("a\n\nb\n").is_empty());
        assert_eq!(spacing("a \n"), ["line 1 ends with a blank"]);
        assert_eq!(spacing("a\n\n\nb\n"), ["has two empty lines in a row"]);
        assert_eq!(spacing("a").len(), 1);
        assert_eq!(spacing("a\n\n").len(), 1);
        assert!(of("buildroot/README.md", "a ").is_empty());
    }

    #[test]
    fn a_makefile_has_head_and_tabs() {
        let good = good_makefile();
        assert_eq!(of("p/edge.mk", &good), Findings::new());
        assert!(of("p/other.mk", &good)[0].contains("names other"));
        assert_eq!(of("p/edge.mk", &good.replace("\tb", "    b")), ["line 8 is not indented with a tab"]);
        assert_eq!(of("p/edge.mk", &good.replace("\td", "d")), ["line 11 is not indented with a tab"]);
        assert_eq!(of("p/edge.mk", &good.replace("$(eval", "\t$(eval")), ["line 14 is indented with a tab"]);
        assert!(of("p/edge.mk", &good[1..])[0].contains("head"));
    }

    #[test]
    fn a_digest_has_three_fields_and_two_blanks() {
        let digest = "0a".repeat(32);
        let is_good = |line: &str| of("p/edge.hash", line).is_empty();
        assert!(is_good(&format!("# from here\n\nsha256  {digest}  LICENSE\n")));
        for line in [
            format!("sha256 {digest}  LICENSE\n"),
            format!("sha256  {digest} LICENSE\n"),
            format!("md5  {digest}  LICENSE\n"),
            format!("sha256  {digest}\n"),
            format!("sha256  {}  LICENSE\n", &digest[1..]),
            format!("sha256  x{}  LICENSE\n", &digest[1..]),
        ] {
            assert!(!is_good(&line), "{line}");
        }
    }

    #[test]
    fn options_are_indented_by_tabs_and_help_is_narrow() {
        let good = "config BR2_X\n\tbool \"x\"\n\tdepends on A || \\\n\t\tB\n\thelp\n\t  Some words.\n";
        assert_eq!(of("Config.in", good), Findings::new());
        assert!(of("Config.in", &good.replace("\tbool", "    bool"))[0].contains("line 2"));
        assert!(of("Config.in", &good.replace("\t  Some", "\t    \tSome")).is_empty());
        let wide = good.replace("Some words.", &"w".repeat(63));
        assert!(of("Config.in", &wide)[0].contains("73 columns"));
    }

    #[test]
    fn a_defconfig_asks_for_digests() {
        assert!(of("c/x_defconfig", "BR2_arm=y\nBR2_DOWNLOAD_FORCE_CHECK_HASHES=y\n").is_empty());
        assert_eq!(of("c/x_defconfig", "BR2_arm=y\n").len(), 1);
    }

    #[test]
    fn a_script_is_called_like_its_daemon() {
        let good = "#!/bin/sh\n\nDAEMON=\"edge\"\nPIDFILE=\"/var/run/$DAEMON.pid\"\nstart() {\n\tx\n}\nstop() {\n}\nrestart() {\n}\nreload() {\n}\n";
        assert_eq!(script("S60edge", good), Findings::new());
        for name in ["S6edge", "S60other", "60edge", "S60edge.sh", "edge"] {
            assert!(!script(name, good).is_empty(), "{name}");
        }
        for (from, to) in [
            ("DAEMON=\"edge\"", "X=1\nDAEMON=\"edge\""),
            ("/run/", "/tmp/"),
            ("\tx", "  x"),
            ("stop()", "end()"),
        ] {
            assert!(!script("S60edge", &good.replacen(from, to, 1)).is_empty(), "{to}");
        }
    }
}
