//! The page of a run that goes on, or that ended before it was judged.

use history::Phase;
use maud::{Markup, html};

use super::LiveRun;
use super::picture::picture;
use crate::format::{count, counted, duration, instant};
use crate::page::{Frame, frame, phase_name, wall_clock};
use crate::shelf::encoded;

const STYLE: &str = include_str!("../assets/overview.css");
/// Faults listed, the newest first.
const FAULTS_LISTED: usize = 100;
/// Partitions whose leaders are listed.
const LEADERS_LISTED: usize = 100;

const PHASES: [Phase; 7] = [
    Phase::Setup,
    Phase::Steady,
    Phase::Faults,
    Phase::Heal,
    Phase::Settle,
    Phase::FinalReads,
    Phase::Teardown,
];

/// Everything that the page of a run without a verdict is made from.
#[derive(Clone, Copy, Debug)]
pub struct LiveInput<'a> {
    /// Its directory's name.
    pub name: &'a str,
    /// What is known so far.
    pub run: &'a LiveRun,
    /// How many bytes of its history were read, and how many there are.
    pub read: (u64, u64),
    /// How many seconds ago its history was last written; `None` where there is none yet.
    pub quiet_seconds: Option<u64>,
    /// What is damaged, and where.
    pub damage: Option<&'a str>,
    /// After so many seconds the page is fetched again.
    pub refresh: Option<u32>,
    /// Files beside the page, as paths relative to it.
    pub files: &'a [String],
}

/// A run that has not written for so long has ended, or is being judged.
const QUIET_SECONDS: u64 = 15;

/// The page.
pub fn live_page(input: &LiveInput<'_>) -> String {
    let run = input.run;
    let main = html! {
        (numbers(run))
        (faults(run))
        (cluster(run))
        section #files { h2 { "Files" } ul.files { @for file in input.files { li { a href={ "./" (encoded(file)) } { (file) } } } } }
    };
    frame(&Frame {
        title: &[word(input), input.name],
        sections: &[],
        banner: &banner(input),
        main: &main,
        foot: "Times are of the run's own clock.",
        more_style: STYLE,
        script: "",
        refresh: input.refresh,
    })
}

fn is_quiet(input: &LiveInput<'_>) -> bool {
    input
        .quiet_seconds
        .is_some_and(|seconds| seconds >= QUIET_SECONDS)
}

fn word(input: &LiveInput<'_>) -> &'static str {
    if input.damage.is_some() {
        "DAMAGED"
    } else if is_quiet(input) {
        "UNFINISHED"
    } else {
        "GOES ON"
    }
}

fn banner(input: &LiveInput<'_>) -> Markup {
    let run = input.run;
    let (tone, sign) = match word(input) {
        "DAMAGED" => ("invalid", "⚠"),
        "UNFINISHED" => ("unknown", "?"),
        _ => ("going-on", "▸"),
    };
    let (read, all) = input.read;
    html! {
        header.banner.(tone) {
            p.badge { span.sign aria-hidden="true" { (sign) } (word(input)) }
            h1 { (headline(input)) }
            @if let Some(header) = &run.header {
                dl.facts {
                    @for (name, value) in [("Plan", header.plan.clone()), ("Broker", header.broker.clone()), ("Cluster", crate::format::size_of(header)),
                        ("Seed", header.seed.to_string()), ("Started", wall_clock(&header.started))] { div { dt { (name) } dd { (value) } } }
                }
            }
            ol.phases aria-label="Phases" {
                @for phase in PHASES {
                    @let entered = run.phases.iter().any(|(other, _)| *other == phase);
                    @let now = run.phases.last().is_some_and(|(other, _)| *other == phase);
                    li.now[now].past[entered && !now] aria-current=[now.then_some("step")] { (phase_name(phase)) }
                }
            }
            @if let Some(damage) = input.damage { p.note { strong { "Damaged: " } (damage) } }
            @if read < all { p.note { "Read so far: " (count(read >> 10)) " of " (count(all >> 10)) " KiB of its history." } }
            p.note {
                @match input.refresh {
                    Some(seconds) => { "This page is fetched anew every " (seconds) " s; nothing is judged before the end. " a href="?still" { "Hold it" } },
                    None => { "Nothing is judged before the end. " a href="?" { "Fetch anew" } },
                }
            }
        }
    }
}

fn headline(input: &LiveInput<'_>) -> Markup {
    let run = input.run;
    let quiet = duration(input.quiet_seconds.unwrap_or(0) * 1_000_000_000);
    html! {
        @if input.damage.is_some() { "What lies here of the run is damaged." }
        @else if is_quiet(input) && run.is_over() { "The run is over and was not judged: nothing was written for " (quiet) ". `tribunal check` judges it." }
        @else if is_quiet(input) { "The run was ended, or hangs: nothing was written for " (quiet) "." }
        @else if run.is_over() { "The run is over, and is being judged." }
        @else { @match run.phases.last() {
            Some((phase, since)) => { "In the phase " em { (phase_name(*phase)) } " for " (duration(run.time.saturating_sub(*since))) ", " (duration(run.time)) " from the start." },
            None => "The run begins.",
        } }
    }
}

fn numbers(run: &LiveRun) -> Markup {
    let rate = run
        .rate
        .lately(run.time)
        .map_or_else(|| "–".to_owned(), |rate| count(rate.round() as u64));
    let numbers = [
        ("Acknowledged writes", count(run.acknowledged)),
        ("A second, lately", rate),
        ("Failed writes", count(run.failed)),
        ("Writes nobody knows of", count(run.unknown)),
        ("Records read", count(run.read)),
        ("Events", count(run.events)),
    ];
    html! {
        section #numbers {
            h2 { "So far" }
            dl.numbers-now { @for (name, value) in &numbers { div { dt { (name) } dd { (value) } } } }
            @if run.acknowledged > 0 { (picture(run)) }
        }
    }
}

fn faults(run: &LiveRun) -> Markup {
    let bit = run.faults.values().filter(|fault| fault.bit).count() as u64;
    let over = run.faults.values().filter(|fault| fault.until.is_some()).count() as u64;
    html! {
        section #faults {
            h2 { "Faults" }
            p.lead { (counted(run.in_force().count() as u64, "fault is", "faults are")) " in force, " (count(over)) " over; " (count(bit)) " of these bit." }
            @if !run.faults.is_empty() {
                div.scroll { table {
                    thead { tr { th scope="col" { "Fault" } th scope="col" { "From" } th scope="col" { "Until" } th scope="col" { "What" } th scope="col" { "What came of it" } } }
                    tbody { @for fault in run.faults.values().rev().take(FAULTS_LISTED) { tr {
                        th scope="row" { (fault.kind) }
                        td.nowrap { (instant(fault.from)) }
                        td.nowrap { @match fault.until { Some(until) => (instant(until)), None => strong { "in force" } } }
                        td { (fault.detail) }
                        td { (fault.end) }
                    } } }
                } }
            }
        }
    }
}

fn cluster(run: &LiveRun) -> Markup {
    let Some(header) = &run.header else {
        return html! {};
    };
    html! {
        section #cluster {
            h2 { "Cluster" }
            @if !run.nodes.is_empty() {
                table { thead { tr { th scope="col" { "Node" } th scope="col" { "Broker" } } }
                    tbody { @for (node, (running, state)) in &run.nodes { tr { th scope="row" { "n" (node) } td { @if *running { "runs" } @else { (state) } } } } } }
            }
            @if !run.leaders.is_empty() {
                p.lead { "Leaders, as the brokers name them in their newest epochs." }
                table { thead { tr { th scope="col" { "Partition" } th scope="col" { "Leader" } th.number scope="col" { "Epoch" } th scope="col" { "Takes writes" } } }
                    tbody { @for (key, (epoch, leader)) in run.leaders.iter().take(LEADERS_LISTED) { tr {
                        th scope="row" { (header.key_name(*key)) }
                        td { @match leader { Some(node) => { "n" (node) }, None => "none" } }
                        td.number { (epoch) }
                        td { @match run.takes_writes.get(key) {
                            Some(Some(since)) => { strong { "no" } ", since " (instant(*since)) },
                            Some(None) => "yes",
                            None => span.muted { "not tried" },
                        } }
                    } } } }
            }
        }
    }
}
