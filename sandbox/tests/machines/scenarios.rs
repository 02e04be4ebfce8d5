//! What is tried inside of a sandbox. Each scenario runs in a conductor of its own; a panic is its failure.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sandbox::{
    Command, Counters, Effect, Exit, Matcher, Node, Place, Port, Process, Rule, Sandbox, SandboxSpec,
};

use crate::roles::{ECHO_PORTS, ORDER_PORT, SINK_PORT, echo_from, send_datagrams};

/// A scenario. Those whose names begin with an underscore are parts of tests about life and death.
type Scenario = fn(&[String]);

pub const ALL: &[(&str, Scenario)] = &[
    (
        "nodes_and_clients_reach_each_other_by_name",
        nodes_and_clients_reach_each_other_by_name,
    ),
    ("a_cut_is_one_way_and_heals", a_cut_is_one_way_and_heals),
    (
        "a_cut_by_port_leaves_other_services_alone",
        a_cut_by_port_leaves_other_services_alone,
    ),
    ("a_cut_counts_exactly", a_cut_counts_exactly),
    (
        "a_cut_from_the_beginning_is_silent",
        a_cut_from_the_beginning_is_silent,
    ),
    (
        "every_cut_leaves_the_side_channel",
        every_cut_leaves_the_side_channel,
    ),
    (
        "nodes_never_meet_on_the_side_channel",
        nodes_never_meet_on_the_side_channel,
    ),
    (
        "rules_that_cannot_be_are_refused",
        rules_that_cannot_be_are_refused,
    ),
    ("bulk_passes_whole", bulk_passes_whole),
    ("a_process_has_what_it_was_given", a_process_has_what_it_was_given),
    (
        "a_process_is_stopped_continued_killed_and_started_again",
        a_process_lives_and_dies,
    ),
    (
        "what_a_process_leaves_behind_is_killed",
        what_a_process_leaves_behind_is_killed,
    ),
    (
        "a_program_that_is_not_there_is_named",
        a_program_that_is_not_there_is_named,
    ),
    ("the_end_of_an_agent_is_told", the_end_of_an_agent_is_told),
    ("a_sandbox_can_follow_another", a_sandbox_can_follow_another),
    ("_idle", crate::life::idle),
    ("_await_signal", crate::life::await_signal),
    ("_status", crate::life::status),
];

/// Runs the scenario that the first word names, with the others.
pub fn run(words: &[String]) -> ExitCode {
    let Some((_, scenario)) = ALL.iter().find(|(name, _)| *name == words[0]) else {
        eprintln!("there is no scenario {:?}", words[0]);
        return ExitCode::from(2);
    };
    scenario(&words[1..]);
    ExitCode::SUCCESS
}

/// How long a connection that should work may take.
const PATIENCE_MS: u64 = 5000;
/// How long is listened to a silence.
const SILENCE_MS: u64 = 700;

/// A sandbox of so many nodes in the working directory.
pub fn make(nodes: u32) -> Sandbox {
    let directory = std::env::current_dir().expect("it is somewhere");
    let spec = SandboxSpec {
        nodes: (1..=nodes).collect(),
        directory,
    };
    Sandbox::create(&spec).unwrap_or_else(|error| panic!("failed to {error}"))
}

/// This program in a role, on a node.
pub fn role(words: &[&str]) -> Command {
    let mut argv = vec!["/proc/self/exe".to_owned(), "role".to_owned()];
    argv.extend(words.iter().map(|&word| word.to_owned()));
    let directory = std::env::current_dir().expect("it is somewhere");
    let environment = std::env::vars()
        .filter(|(name, _)| name == crate::life::MARK)
        .collect();
    Command {
        argv,
        environment,
        output: directory.join("output"),
        directory,
    }
}

/// A sandbox with a server on each node that takes orders.
fn serving(nodes: u32) -> (Sandbox, Vec<Process>) {
    let sandbox = make(nodes);
    let processes = sandbox
        .nodes()
        .iter()
        .map(|node| start(node, &["server"]))
        .collect();
    for node in sandbox.nodes() {
        await_orders(node);
    }
    (sandbox, processes)
}

fn start(node: &Node, words: &[&str]) -> Process {
    node.start(&role(words))
        .unwrap_or_else(|error| panic!("failed to {error}"))
}

fn await_orders(node: &Node) {
    let begun = Instant::now();
    while TcpStream::connect((node.side_address(), ORDER_PORT)).is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{} does not serve",
            node.host()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Has a node carry out an order, told over the side channel.
fn order(node: &Node, text: &str) -> String {
    let mut stream =
        TcpStream::connect((node.side_address(), ORDER_PORT)).expect("the side channel is never cut");
    stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .expect("it can be set");
    writeln!(stream, "{text}").expect("the side channel is never cut");
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .expect("the side channel is never cut");
    answer.trim_end().to_owned()
}

/// Whether a node reaches another's echo.
fn reach(from: &Node, to: &Node, port: u16, milliseconds: u64) -> String {
    order(from, &format!("echo {}:{port} {milliseconds}", to.address()))
}

fn check_reach(from: &Node, to: &Node, port: u16, expected: &str) {
    let patience = if expected == "ok" { PATIENCE_MS } else { SILENCE_MS };
    let answer = reach(from, to, port, patience);
    assert_eq!(
        answer,
        expected,
        "from {} to {} port {port}",
        from.host(),
        to.host()
    );
}

fn cut(from: Place, to: Place) -> Rule {
    Rule {
        from,
        to,
        matcher: Matcher::All,
        effect: Effect::Drop,
    }
}

fn nodes_and_clients_reach_each_other_by_name(_: &[String]) {
    let (sandbox, _processes) = serving(3);
    for from in sandbox.nodes() {
        for to in sandbox.nodes().iter().filter(|to| to.number() != from.number()) {
            check_reach(from, to, ECHO_PORTS[0], "ok");
        }
        let name = (from.host(), ECHO_PORTS[0]);
        let stream = TcpStream::connect(name).expect("clients know the nodes by name");
        let own = stream.local_addr().expect("it is bound").ip();
        assert_eq!(
            own,
            Ipv4Addr::new(10, 77, 0, 200),
            "clients speak from their own card"
        );
    }
    let stats = sandbox.switch().stats();
    assert!(
        stats.forwarded.frames > 0 && stats.answered > 0 && stats.cpu > Duration::ZERO,
        "{stats:?}"
    );
    assert_eq!(
        (stats.dropped, stats.overrun, stats.stray),
        (Counters::default(), 0, 0),
        "{stats:?}"
    );
}

fn a_cut_is_one_way_and_heals(_: &[String]) {
    let (sandbox, _processes) = serving(3);
    let [n1, n2, n3] = [0, 1, 2].map(|index| &sandbox.nodes()[index]);
    let id = sandbox
        .switch()
        .apply(&[cut(Place::Node(1), Place::Node(2))])
        .expect("it can be cut");
    check_reach(n1, n2, ECHO_PORTS[0], "silence");
    check_reach(n1, n3, ECHO_PORTS[0], "ok");
    let before = sandbox.switch().counters(id).expect("the group is known");
    // Datagrams need no answer: they show the other direction on its own.
    assert_eq!(
        order(n2, &format!("datagrams {}:{SINK_PORT} 10 100", n1.address())),
        "ok"
    );
    assert_eq!(
        sandbox.switch().counters(id),
        Some(before),
        "the other direction is whole"
    );
    let counters = sandbox.switch().remove(id).expect("it can be healed");
    assert!(
        counters.frames > 0 && counters.bytes > 0,
        "the cut bit: {counters:?}"
    );
    check_reach(n1, n2, ECHO_PORTS[0], "ok");
    assert_eq!(
        sandbox.switch().counters(id),
        Some(counters),
        "healed cuts keep their counters"
    );
    assert_eq!(sandbox.switch().remove(id).expect("again"), counters);
}

fn a_cut_by_port_leaves_other_services_alone(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let matcher = Matcher::Tcp {
        source: None,
        destination: Some(ECHO_PORTS[0]),
    };
    let rule = Rule {
        matcher,
        ..cut(Place::Node(1), Place::Node(2))
    };
    let id = sandbox.switch().apply(&[rule]).expect("it can be cut");
    check_reach(n1, n2, ECHO_PORTS[0], "silence");
    check_reach(n1, n2, ECHO_PORTS[1], "ok");
    check_reach(n2, n1, ECHO_PORTS[0], "ok");
    let client = SocketAddr::from((n2.address(), ECHO_PORTS[0]));
    assert_eq!(echo_from(client, PATIENCE_MS), "ok", "clients are not cut");
    sandbox.switch().remove(id).expect("it can be healed");
    let answers = Rule {
        matcher: Matcher::Tcp {
            source: Some(ECHO_PORTS[1]),
            destination: None,
        },
        ..rule
    };
    let id = sandbox.switch().apply(&[answers]).expect("it can be cut");
    check_reach(n2, n1, ECHO_PORTS[1], "silence");
    check_reach(n2, n1, ECHO_PORTS[0], "ok");
    sandbox.switch().remove(id).expect("it can be healed");
}

fn a_cut_counts_exactly(_: &[String]) {
    const COUNT: usize = 100;
    const BYTES: usize = 333;
    /// Ethernet, IPv4 and UDP.
    const HEADERS: usize = 14 + 20 + 8;
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let rules = [
        cut(Place::Node(1), Place::Node(2)),
        cut(Place::Clients, Place::Node(2)),
    ];
    let id = sandbox.switch().apply(&rules).expect("it can be cut");
    assert_eq!(
        order(
            n1,
            &format!("datagrams {}:{SINK_PORT} {COUNT} {BYTES}", n2.address())
        ),
        "ok"
    );
    send_datagrams((n2.address(), SINK_PORT).into(), COUNT, BYTES);
    let expected = Counters {
        frames: 2 * COUNT as u64,
        bytes: (2 * COUNT * (BYTES + HEADERS)) as u64,
    };
    await_equal(
        || sandbox.switch().counters(id).expect("the group is known"),
        expected,
    );
    assert_eq!(sandbox.switch().remove(id).expect("it can be healed"), expected);
    send_datagrams((n2.address(), SINK_PORT).into(), COUNT, BYTES);
    let stats = sandbox.switch().stats();
    let from = Port::Place(Place::Clients);
    let link = stats
        .links
        .iter()
        .find(|link| (link.from, link.to) == (from, Port::Place(Place::Node(2))));
    assert_eq!(link.expect("it was used").dropped.frames, COUNT as u64);
    assert_eq!(
        sandbox.switch().counters(id),
        Some(expected),
        "after healing nothing is counted"
    );
}

fn await_equal<T: PartialEq + std::fmt::Debug>(read: impl Fn() -> T, expected: T) {
    let begun = Instant::now();
    while read() != expected && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(read(), expected);
}

fn a_cut_from_the_beginning_is_silent(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let rules = [
        cut(Place::Node(1), Place::Node(2)),
        cut(Place::Node(2), Place::Node(1)),
    ];
    sandbox.switch().apply(&rules).expect("it can be cut");
    // A kernel that asks in vain for a hardware address says "host unreachable" after three seconds.
    assert_eq!(reach(n1, n2, ECHO_PORTS[0], 4500), "silence");
    assert_eq!(reach(n1, n2, ECHO_PORTS[0], 500), "silence");
}

fn every_cut_leaves_the_side_channel(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let places = [Place::Node(1), Place::Node(2), Place::Clients];
    let pairs = places
        .iter()
        .flat_map(|&from| places.map(|to| (from, to)))
        .filter(|(from, to)| from != to);
    let rules: Vec<Rule> = pairs.map(|(from, to)| cut(from, to)).collect();
    sandbox.switch().apply(&rules).expect("it can be cut");
    for node in sandbox.nodes() {
        let data = SocketAddr::from((node.address(), ECHO_PORTS[0]));
        assert_eq!(echo_from(data, SILENCE_MS), "silence");
        let side = SocketAddr::from((node.side_address(), ECHO_PORTS[0]));
        assert_eq!(echo_from(side, PATIENCE_MS), "ok");
    }
}

fn nodes_never_meet_on_the_side_channel(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let answer = order(
        n1,
        &format!("echo {}:{} {SILENCE_MS}", n2.side_address(), ECHO_PORTS[0]),
    );
    assert_ne!(answer, "ok");
    let to_clients = order(n1, &format!("echo 10.78.0.200:9 {PATIENCE_MS}"));
    assert_eq!(
        to_clients, "ConnectionRefused",
        "the observer is there, and listens to nobody"
    );
}

fn rules_that_cannot_be_are_refused(_: &[String]) {
    let sandbox = make(1);
    for (from, to) in [(Place::Node(1), Place::Node(2)), (Place::Clients, Place::Clients)] {
        sandbox
            .switch()
            .apply(&[cut(from, to)])
            .expect_err("there is no such link");
    }
    sandbox
        .switch()
        .remove(sandbox::GroupId(9))
        .expect_err("there is no such group");
    let again = Sandbox::create(&SandboxSpec {
        nodes: vec![1, 1],
        directory: PathBuf::from("."),
    });
    again.expect_err("one node twice");
}

fn bulk_passes_whole(_: &[String]) {
    const BYTES: usize = 20 << 20;
    let (sandbox, _processes) = serving(1);
    let mut stream = TcpStream::connect((sandbox.nodes()[0].address(), ECHO_PORTS[0])).expect("it serves");
    let mut reader = stream.try_clone().expect("it can be duplicated");
    let data: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
    let echoed = std::thread::spawn(move || {
        let mut back = vec![0; BYTES];
        std::io::Read::read_exact(&mut reader, &mut back).expect("all of it comes back");
        back
    });
    stream.write_all(&data).expect("it can be sent");
    assert!(
        echoed.join().expect("it came back") == data,
        "what comes back is what was sent"
    );
    let stats = sandbox.switch().stats();
    let mean = stats.forwarded.bytes / stats.forwarded.frames;
    assert!(mean > 3000, "segments travel together: {mean} bytes a frame");
}

fn a_process_has_what_it_was_given(_: &[String]) {
    let sandbox = make(2);
    let node = &sandbox.nodes()[1];
    let home = node.directory().to_owned();
    let mut command = role(&["print", "/etc/hosts"]);
    command.environment = vec![("VALUE".to_owned(), "a b".to_owned())];
    command.directory.clone_from(&home);
    command.output = home.join("out");
    std::fs::write(&command.output, "before\n").expect("it can be written");
    let process = node.start(&command).expect("it can be started");
    let exit = process
        .wait_exit(Duration::from_secs(10))
        .expect("the node lives");
    assert_eq!(exit, Some(Exit::Status(7)));
    let text = std::fs::read_to_string(&command.output).expect("it was written");
    let expected = [
        "before\n",
        "10.77.0.1 n1\n10.77.0.2 n2\n",
        "\nvalue=a b\n",
        "\nvariables=1\n",
        "\nhost=n2\n",
        "to the error stream",
        &format!("\ndirectory={}\n", home.display()),
    ];
    for part in expected {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

fn a_process_lives_and_dies(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    for _ in 0..3 {
        let process = start(node, &["server"]);
        await_orders(node);
        let (sender, exits) = mpsc::channel();
        process.on_exit(move |exit| sender.send(exit).expect("it is waited for"));
        let state = || process.state().expect("the node lives").expect("it runs").state;
        process.signal(libc::SIGSTOP).expect("it runs");
        await_equal(state, 'T');
        assert_eq!(
            echo_from((node.address(), ECHO_PORTS[0]).into(), SILENCE_MS),
            "silence"
        );
        process.signal(libc::SIGCONT).expect("it runs");
        await_equal(state, 'S');
        assert_eq!(process.exit(), None);
        assert_eq!(
            process
                .wait_exit(Duration::from_millis(50))
                .expect("the node lives"),
            None
        );
        process.signal(libc::SIGKILL).expect("it runs");
        let exit = exits
            .recv_timeout(Duration::from_secs(5))
            .expect("its end is told unasked");
        assert_eq!(exit.expect("the node lives"), Exit::Signal(libc::SIGKILL));
        assert_eq!(process.exit(), Some(Exit::Signal(libc::SIGKILL)));
        assert_eq!(process.state().expect("the node lives"), None);
        process.signal(libc::SIGKILL).expect_err("it has ended");
    }
}

fn what_a_process_leaves_behind_is_killed(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    for _ in 0..3 {
        let process = start(node, &["parent"]);
        let exit = process
            .wait_exit(Duration::from_secs(10))
            .expect("the node lives");
        assert_eq!(exit, Some(Exit::Status(0)));
    }
    let server = start(node, &["server"]);
    await_orders(node);
    assert_eq!(server.exit(), None, "its ports were free");
}

fn a_program_that_is_not_there_is_named(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    let mut command = role(&["sleep"]);
    command.argv[0] = "/no/such/program".to_owned();
    let error = node.start(&command).expect_err("it is not there").to_string();
    assert!(
        error.contains("/no/such/program") && error.contains("node 1"),
        "{error}"
    );
    let mut command = role(&["sleep"]);
    command.directory = PathBuf::from("/no/such/directory");
    let error = node.start(&command).expect_err("it is not there").to_string();
    assert!(error.contains("/no/such/directory"), "{error}");
    start(node, &["sleep"])
        .signal(libc::SIGKILL)
        .expect("the agent goes on");
}

fn the_end_of_an_agent_is_told(_: &[String]) {
    let sandbox = make(2);
    let process = start(&sandbox.nodes()[0], &["sleep"]);
    let (sender, losses) = mpsc::channel();
    sandbox.on_loss(move |node| sender.send(node).expect("it is waited for"));
    kill_by_name("sandbox-n1");
    assert_eq!(
        losses.recv_timeout(Duration::from_secs(5)).expect("it is told"),
        1
    );
    process
        .wait_exit(Duration::from_secs(5))
        .expect_err("nobody saw its end");
    let error = sandbox.nodes()[0]
        .start(&role(&["sleep"]))
        .expect_err("the node is lost")
        .to_string();
    assert!(error.contains("node 1") && error.contains("died"), "{error}");
    start(&sandbox.nodes()[1], &["sleep"])
        .signal(libc::SIGKILL)
        .expect("the other node goes on");
}

/// Kills the process of this pid namespace that has this name.
fn kill_by_name(name: &str) {
    let mut processes = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let found = processes.find(|entry| {
        std::fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    });
    let pid = found
        .expect("it runs")
        .file_name()
        .to_string_lossy()
        .parse()
        .expect("a pid");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
        .expect("it runs");
}

fn a_sandbox_can_follow_another(_: &[String]) {
    for _ in 0..3 {
        let (sandbox, processes) = serving(2);
        let (sender, exits) = mpsc::channel();
        processes[0].on_exit(move |exit| sender.send(exit).expect("it is waited for"));
        drop(sandbox);
        let exit = exits
            .try_recv()
            .expect("when a sandbox is gone, so are its processes");
        assert_eq!(exit.expect("it was seen"), Exit::Signal(libc::SIGKILL));
    }
}
