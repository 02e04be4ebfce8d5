//! What is tried inside of a sandbox. Each scenario runs in a conductor of its own; a panic is its failure.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sandbox::{Command, DiskSpec, Effect, Matcher, Node, Place, Process, Rule, Sandbox, SandboxSpec};

use crate::roles::ORDER_PORT;
use crate::{clocks, disks, groups, life, links, processes, shapes};

/// A scenario. Those whose names begin with an underscore are parts of tests about life and death.
type Scenario = fn(&[String]);

/// What the switch does: tried with every kind of network card.
pub const LINKS: &[(&str, Scenario)] = &[
    (
        "nodes_and_clients_reach_each_other_by_name",
        links::nodes_and_clients_reach_each_other_by_name,
    ),
    ("a_cut_is_one_way_and_heals", links::a_cut_is_one_way_and_heals),
    (
        "a_cut_by_port_leaves_other_services_alone",
        links::a_cut_by_port_leaves_other_services_alone,
    ),
    ("a_cut_counts_exactly", links::a_cut_counts_exactly),
    (
        "a_cut_from_the_beginning_is_silent",
        links::a_cut_from_the_beginning_is_silent,
    ),
    (
        "every_cut_leaves_the_side_channel",
        links::every_cut_leaves_the_side_channel,
    ),
    (
        "nodes_never_meet_on_the_side_channel",
        links::nodes_never_meet_on_the_side_channel,
    ),
    (
        "rules_that_cannot_be_are_refused",
        links::rules_that_cannot_be_are_refused,
    ),
    (
        "rules_change_as_fast_as_they_are_asked_to",
        links::rules_change_as_fast_as_they_are_asked_to,
    ),
    ("bulk_passes_whole", links::bulk_passes_whole),
    (
        "a_delay_is_as_long_as_it_says",
        shapes::a_delay_is_as_long_as_it_says,
    ),
    (
        "a_switch_without_frames_sleeps",
        shapes::a_switch_without_frames_sleeps,
    ),
    (
        "a_seed_loses_the_same_packets_again",
        shapes::a_seed_loses_the_same_packets_again,
    ),
    (
        "what_is_duplicated_arrives_twice",
        shapes::what_is_duplicated_arrives_twice,
    ),
    (
        "what_is_held_back_is_overtaken",
        shapes::what_is_held_back_is_overtaken,
    ),
    (
        "tcp_carries_everything_whole_through_a_bad_link",
        shapes::tcp_carries_everything_whole_through_a_bad_link,
    ),
    (
        "a_link_passes_no_more_than_its_bandwidth",
        shapes::a_link_passes_no_more_than_its_bandwidth,
    ),
    (
        "a_link_that_flaps_is_silent_at_times",
        shapes::a_link_that_flaps_is_silent_at_times,
    ),
    (
        "what_waits_goes_on_as_the_rule_ends",
        shapes::what_waits_goes_on_as_the_rule_ends,
    ),
    (
        "one_service_is_slow_and_the_other_is_not",
        shapes::one_service_is_slow_and_the_other_is_not,
    ),
    ("nine_nodes_are_a_ring", shapes::nine_nodes_are_a_ring),
    (
        "what_passes_is_in_the_files_of_a_capture",
        shapes::what_passes_is_in_the_files_of_a_capture,
    ),
];

const OTHERS: &[(&str, Scenario)] = &[
    (
        "a_clock_jumps_drifts_and_strobes",
        clocks::a_clock_jumps_drifts_and_strobes,
    ),
    (
        "a_clock_outlives_its_readers",
        clocks::a_clock_outlives_its_readers,
    ),
    (
        "a_clock_is_told_where_the_path_has_blanks",
        clocks::a_clock_is_told_where_the_path_has_blanks,
    ),
    (
        "a_process_has_what_it_was_given",
        processes::a_process_has_what_it_was_given,
    ),
    (
        "a_process_is_stopped_continued_killed_and_started_again",
        processes::a_process_lives_and_dies,
    ),
    (
        "what_a_process_leaves_behind_is_killed",
        processes::what_a_process_leaves_behind_is_killed,
    ),
    (
        "a_program_that_is_not_there_is_named",
        processes::a_program_that_is_not_there_is_named,
    ),
    (
        "the_end_of_an_agent_is_told",
        processes::the_end_of_an_agent_is_told,
    ),
    (
        "a_sandbox_can_follow_another",
        processes::a_sandbox_can_follow_another,
    ),
    (
        "what_was_not_synced_is_lost_with_the_power",
        disks::what_was_not_synced_is_lost_with_the_power,
    ),
    (
        "a_process_that_is_killed_loses_nothing",
        disks::a_process_that_is_killed_loses_nothing,
    ),
    (
        "names_are_synced_with_their_directory",
        disks::names_are_synced_with_their_directory,
    ),
    (
        "names_come_with_a_file_on_the_usual_file_systems",
        disks::names_come_with_a_file_on_the_usual_file_systems,
    ),
    (
        "mapped_pages_are_synced_by_msync",
        disks::mapped_pages_are_synced_by_msync,
    ),
    ("torn_writes_leave_sectors", disks::torn_writes_leave_sectors),
    ("old_writes_are_written_back", disks::old_writes_are_written_back),
    ("a_full_disk_says_so", disks::a_full_disk_says_so),
    ("a_bad_disk_says_so", disks::a_bad_disk_says_so),
    (
        "a_slow_disk_is_slow_until_it_heals",
        disks::a_slow_disk_is_slow_until_it_heals,
    ),
    (
        "the_power_can_fail_at_a_sync",
        disks::the_power_can_fail_at_a_sync,
    ),
    ("rotten_bits_are_read", disks::rotten_bits_are_read),
    (
        "changes_from_outside_are_noticed",
        disks::changes_from_outside_are_noticed,
    ),
    ("_idle_with_disks", life::idle_with_disks),
    (
        "a_frozen_process_stands_still_goes_on_and_can_be_killed",
        groups::a_frozen_process_stands_still,
    ),
    (
        "a_process_that_is_held_down_gets_its_share",
        groups::a_process_that_is_held_down_gets_its_share,
    ),
    ("_idle", life::idle),
    ("_frozen", life::frozen),
    ("_await_signal", life::await_signal),
    ("_status", life::status),
];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static (&'static str, Scenario)> {
    LINKS.iter().chain(OTHERS)
}

/// Runs the scenario that the first word names, with the others.
pub fn run(words: &[String]) -> ExitCode {
    let Some((_, scenario)) = all().find(|(name, _)| *name == words[0]) else {
        eprintln!("there is no scenario {:?}", words[0]);
        return ExitCode::from(2);
    };
    scenario(&words[1..]);
    ExitCode::SUCCESS
}

/// How long a connection that should work may take.
pub const PATIENCE_MS: u64 = 5000;
/// How long is listened to a silence.
pub const SILENCE_MS: u64 = 700;

/// A sandbox of so many nodes in the working directory.
pub fn make(nodes: u32) -> Sandbox {
    make_with(nodes, None)
}

/// The same, with disks.
pub fn make_with(nodes: u32, disk: Option<DiskSpec>) -> Sandbox {
    let directory = std::env::current_dir().expect("it is somewhere");
    let spec = SandboxSpec {
        nodes: (1..=nodes).collect(),
        directory,
        disk,
    };
    Sandbox::create(&spec).unwrap_or_else(|error| panic!("failed to {error}"))
}

/// This program in a role, on a node.
pub fn role(words: &[&str]) -> Command {
    let mut argv = vec!["/proc/self/exe".to_owned(), "role".to_owned()];
    argv.extend(words.iter().map(|&word| word.to_owned()));
    let directory = std::env::current_dir().expect("it is somewhere");
    let environment = std::env::vars().filter(|(name, _)| name == life::MARK).collect();
    Command {
        argv,
        environment,
        output: directory.join("output"),
        directory,
    }
}

/// A sandbox with a server on each node that takes orders.
pub fn serving(nodes: u32) -> (Sandbox, Vec<Process>) {
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

pub fn start(node: &Node, words: &[&str]) -> Process {
    node.start(&role(words))
        .unwrap_or_else(|error| panic!("failed to {error}"))
}

pub fn await_orders(node: &Node) {
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
pub fn order(node: &Node, text: &str) -> String {
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
pub fn reach(from: &Node, to: &Node, port: u16, milliseconds: u64) -> String {
    order(from, &format!("echo {}:{port} {milliseconds}", to.address()))
}

pub fn check_reach(from: &Node, to: &Node, port: u16, expected: &str) {
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

pub fn cut(from: Place, to: Place) -> Rule {
    Rule {
        from,
        to,
        matcher: Matcher::All,
        effect: Effect::Drop,
    }
}

pub fn await_equal<T: PartialEq + std::fmt::Debug>(read: impl Fn() -> T, expected: &T) {
    let begun = Instant::now();
    while read() != *expected && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(read(), *expected);
}
