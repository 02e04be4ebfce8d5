//! What a person sees of a run, on a terminal that is one: the view changes in place, and the terminal is whole afterwards, however the run
//! ends.

use nix::sys::signal::Signal;

use crate::support::Bench;
use crate::terminal::Terminal;

/// A run of the simulated broker that takes some seconds of our time.
const PLAN: &str = r#"name = "watched"
broker = "sim"
[limits]
minimum-acknowledged = 50
steady = "1s"
recover = "1s"
[[topics]]
name = "log"
partitions = 2
[workload.sim]
rate = 100
[nemesis]
steps = [{ at = "0s", lasts = "2s", fault = { pause = { target = ["n1"] } } }]
"#;

fn start(bench: &Bench, more: &[&str], environment: &[(&str, &str)]) -> Terminal {
    bench.file("plan.toml", PLAN);
    let arguments = ["run", "plan.toml", "--seed", "1", "--real-time", "--out", "run"];
    let mut command = bench.command(&[&arguments, more].concat());
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
    command.envs(environment.iter().copied());
    Terminal::start(command, 24, 100)
}

/// A terminal on which the next command finds everything as the last one did.
#[track_caller]
fn whole(bytes: &[u8], screen: &vt100::Parser) {
    let screen = screen.screen();
    assert!(!screen.hide_cursor() && !screen.alternate_screen() && !screen.application_cursor());
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert_eq!((screen.fgcolor(), screen.bold()), (vt100::Color::Default, false));
    // What is never switched on needs no switching off, not even after SIGKILL.
    assert!(
        !bytes.windows(3).any(|bytes| bytes == b"\x1b[?"),
        "a mode was changed"
    );
}

#[test]
fn the_view_changes_in_place_and_its_end_stays() {
    let bench = Bench::new();
    let terminal = start(&bench, &[], &[]);
    let modes = terminal.modes();
    terminal.until("view", |text| {
        text.contains("leaders") && text.contains("log-1 n")
    });
    terminal.until("fault", |text| text.contains("pause, for"));
    assert_eq!(
        terminal.text().matches("writes  ").count(),
        1,
        "{}",
        terminal.text()
    );
    assert!(terminal.text().contains("p99"), "{}", terminal.text());
    terminal.resize(12, 60);
    terminal.until("the healing in a smaller terminal", |text| {
        text.contains("no fault")
    });
    assert_eq!(
        terminal.text().matches("in force    ").count(),
        1,
        "{}",
        terminal.text()
    );
    terminal.resize(40, 120);
    terminal.until("verdict", |text| text.contains("tribunal: valid"));
    assert_eq!(terminal.modes(), modes);
    let (code, bytes, screen) = terminal.end();
    assert_eq!(bench.run(&["bundle", "run"]).code, Some(0));
    let text = screen.screen().contents();
    assert_eq!(code, Some(0), "{text}");
    whole(&bytes, &screen);
    assert_eq!(screen.screen().cursor_position().1, 0, "{text}");
    // What the clients did in the end is still to be read, once.
    assert_eq!(text.matches("writes  ").count(), 1, "{text}");
}

#[test]
fn whoever_ends_a_run_finds_the_terminal_whole() {
    let endings = ["ctrl-c", "twice", "terminate", "kill"];
    std::thread::scope(|scope| {
        for ending in endings {
            scope.spawn(move || ended(ending));
        }
    });
}

fn ended(ending: &str) {
    let bench = Bench::new();
    let mut terminal = start(&bench, &[], &[]);
    let modes = terminal.modes();
    terminal.until("view", |text| text.contains("pause, for"));
    match ending {
        "ctrl-c" => terminal.keys(b"\x03"),
        "twice" => {
            terminal.keys(b"\x03");
            terminal.until("answer", |text| text.contains("interrupted"));
            terminal.keys(b"\x03");
        }
        "terminate" => terminal.signal(Signal::SIGTERM),
        _ => terminal.signal(Signal::SIGKILL),
    }
    if ending != "kill" {
        terminal.until("answer", |text| text.contains("interrupted"));
    }
    assert_eq!(terminal.modes(), modes);
    let (code, bytes, screen) = terminal.end();
    let text = screen.screen().contents();
    let expected = match ending {
        "kill" => None,
        "twice" => Some(130),
        _ => Some(3),
    };
    assert_eq!(code, expected, "{ending}: {text}");
    whole(&bytes, &screen);
    if ending == "ctrl-c" || ending == "terminate" {
        assert!(text.contains("tribunal: unknown"), "{text}");
    }
}

#[test]
fn who_asks_for_plain_lines_gets_no_escape_sequence() {
    for (more, environment) in [
        (&["--plain"][..], &[][..]),
        (&[], &[("TERM", "dumb")]),
        (&[], &[("NO_COLOR", "1")]),
    ] {
        let bench = Bench::new();
        let (code, bytes, screen) = start(&bench, more, environment).end();
        let text = screen.screen().contents();
        assert_eq!(code, Some(0), "{text}");
        assert!(!bytes.contains(&0x1b), "{text}");
        assert!(text.contains("final reads: "), "{text}");
    }
}
