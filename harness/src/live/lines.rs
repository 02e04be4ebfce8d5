//! From a view to lines that fit a terminal.

use std::time::Duration;

use checkers::number;

use super::view::{FaultShown, PartitionShown, View};

/// The width of the words at the beginning of lines.
const LABEL: usize = 11;
/// A terminal that is narrower is drawn on as if it were so wide.
const WIDTH_MIN: usize = 20;
/// So many faults are told one by one.
const FAULTS_MAX: usize = 5;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As others.
    Plain,
    /// The phase.
    Head,
    /// What is only said beside.
    Faint,
    /// A fault, or what looks wrong.
    Alarm,
}

/// A line, without a single control character, no wider than the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
}

/// The lines of a view, for a terminal of that size: no more and no wider than fit, the least important left out first.
pub fn lines(view: &View, width: usize, height: usize) -> Vec<Line> {
    // The last column stays free: some terminals begin a new line there by themselves.
    let width = width.max(WIDTH_MIN) - 1;
    let mut top = vec![
        head(view),
        row("writes", &writes(view), Tone::Plain),
        row("latency", &latency(view), Tone::Plain),
    ];
    let leaders = partitions(&view.partitions, width);
    let controller = view
        .controller
        .map(|(node, term)| row("controller", &format!("n{node}, term {term}"), Tone::Plain));
    let faults = faults(&view.faults, view.elapsed);
    let wrong = wrong(view);
    let room = height.saturating_sub(2);
    // By weight: first what is wrong, then who leads, then what the brokers say.
    let fixed = top.len() + faults.len() + wrong.len();
    let for_leaders = room.saturating_sub(fixed).min(leaders.len());
    top.extend(cut(leaders, for_leaders));
    let more = room.saturating_sub(top.len() + faults.len() + wrong.len());
    top.extend(controller.into_iter().take(more));
    top.extend(faults);
    top.extend(wrong);
    let more = room.saturating_sub(top.len());
    let skipped = view.log.len().saturating_sub(more);
    top.extend(
        view.log
            .iter()
            .skip(skipped)
            .enumerate()
            .map(|(index, line)| row(if index == 0 { "log" } else { "" }, line, Tone::Faint)),
    );
    top.truncate(room.max(1));
    top.into_iter()
        .map(|line| Line {
            text: clip(&line.text, width),
            ..line
        })
        .collect()
}

/// A line of any text, made safe and cut to a terminal's width.
pub fn fit(text: &str, tone: Tone, width: usize) -> Line {
    Line {
        text: clip(&safe(text), width.max(WIDTH_MIN) - 1),
        tone,
    }
}

/// The same in one line, for who reads a log.
pub fn heartbeat(view: &View) -> String {
    let leaders: Vec<String> = view
        .partitions
        .iter()
        .map(|partition| {
            partition
                .leader
                .map_or_else(|| "-".to_owned(), |leader| leader.to_string())
        })
        .collect();
    let mut parts = vec![
        format!("{}: {}", view.phase, seconds(view.elapsed)),
        format!("{} acknowledged", number(view.seen.ok)),
        format!("{} failed", number(view.seen.fail)),
        format!("{} unknown", number(view.seen.info)),
        format!("{} read", number(view.seen.read)),
    ];
    if !leaders.is_empty() {
        parts.push(format!("leaders {}", leaders.join(" ")));
    }
    parts.extend(view.faults.iter().map(|fault| format!("{} in force", fault.kind)));
    safe(&parts.join(", "))
}

fn row(label: &str, text: &str, tone: Tone) -> Line {
    Line {
        text: format!("{label:<LABEL$} {}", safe(text)),
        tone,
    }
}

fn head(view: &View) -> Line {
    let left = match view.left {
        Some(left) if !left.is_zero() => format!(", {} left and the reading back", seconds(left)),
        _ => String::new(),
    };
    Line {
        text: safe(&format!(
            "{:<LABEL$} {}{left} · {}",
            view.phase,
            seconds(view.elapsed),
            view.about
        )),
        tone: Tone::Head,
    }
}

fn writes(view: &View) -> String {
    let of = |count: u64, rate: f64, what: &str| format!("{} {what} ({rate:.0}/s)", number(count));
    let (seen, rates) = (&view.seen, &view.rates);
    [
        of(seen.ok, rates.ok, "ok"),
        of(seen.fail, rates.fail, "failed"),
        of(seen.info, rates.info, "unknown"),
        of(seen.read, rates.read, "read"),
    ]
    .join("  ")
}

fn latency(view: &View) -> String {
    match view.latency {
        Some((half, most)) => format!(
            "p50 {}  p99 {}  of the last 5 s",
            milliseconds(half),
            milliseconds(most)
        ),
        None => "no write was acknowledged in the last 5 s".to_owned(),
    }
}

/// Partitions in columns, as many as fit side by side.
fn partitions(all: &[PartitionShown], width: usize) -> Vec<Line> {
    let cells: Vec<String> = all
        .iter()
        .map(|partition| {
            let leader = partition
                .leader
                .map_or_else(|| "none".to_owned(), |node| format!("n{node}"));
            safe(&format!(
                "{} {leader} e{} isr {}/{}",
                partition.name, partition.epoch, partition.in_sync, partition.replicas
            ))
        })
        .collect();
    let wide = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let columns = (width.saturating_sub(LABEL + 1) / (wide + 3)).max(1);
    cells
        .chunks(columns)
        .zip(all.chunks(columns))
        .enumerate()
        .map(|(index, (cells, partitions))| {
            let label = if index == 0 { "leaders" } else { "" };
            let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<wide$}")).collect();
            let hurt = partitions
                .iter()
                .any(|partition| partition.leader.is_none() || partition.in_sync < partition.replicas);
            let tone = if hurt { Tone::Alarm } else { Tone::Plain };
            row(label, cells.join("   ").trim_end(), tone)
        })
        .collect()
}

/// The first of these lines, and how many more there are.
fn cut(mut all: Vec<Line>, room: usize) -> Vec<Line> {
    if all.len() > room && room > 0 {
        let left_out = all.len() - (room - 1);
        all.truncate(room - 1);
        all.push(row("", &format!("… and {left_out} lines more"), Tone::Faint));
    }
    all.truncate(room);
    all
}

fn faults(all: &[FaultShown], now: Duration) -> Vec<Line> {
    if all.is_empty() {
        return vec![row("in force", "no fault", Tone::Faint)];
    }
    let mut lines: Vec<Line> = all
        .iter()
        .take(FAULTS_MAX)
        .enumerate()
        .map(|(index, fault)| {
            let label = if index == 0 { "in force" } else { "" };
            let since = now.saturating_sub(Duration::from_nanos(fault.since));
            let text = format!("{}, for {}: {}", fault.kind, seconds(since), fault.detail);
            row(label, &text, Tone::Alarm)
        })
        .collect();
    if all.len() > FAULTS_MAX {
        lines.push(row(
            "",
            &format!("… and {} more", all.len() - FAULTS_MAX),
            Tone::Alarm,
        ));
    }
    lines
}

fn wrong(view: &View) -> Vec<Line> {
    if view.wrong.is_empty() {
        let text = "nothing looks wrong; what was lost is known when everything has been read back";
        return vec![row("so far", text, Tone::Faint)];
    }
    let mut lines: Vec<Line> = view
        .wrong
        .iter()
        .enumerate()
        .map(|(index, text)| row(if index == 0 { "so far" } else { "" }, text, Tone::Alarm))
        .collect();
    if view.wrong_more > 0 {
        lines.push(row(
            "",
            &format!("… and {} more", number(view.wrong_more)),
            Tone::Alarm,
        ));
    }
    lines
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..100 => format!("{:.0} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

fn milliseconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds as f64 / 1e6;
    if milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

/// Text that moves no cursor, changes no colour and turns no direction, whoever wrote it.
pub fn safe(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => ' ',
            other if other.is_control() => ' ',
            other => other,
        })
        .collect()
}

/// As much of it as has room, with a mark where something is missing. What is wide takes two columns.
fn clip(text: &str, width: usize) -> String {
    if console_width(text) <= width {
        return text.to_owned();
    }
    let mut clipped = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = console_width(character.encode_utf8(&mut [0; 4]));
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        clipped.push(character);
    }
    clipped.push('…');
    clipped
}

fn console_width(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests {
    use workloads::Seen;

    use super::super::view::Rates;
    use super::*;

    fn view() -> View {
        View {
            phase: "faults".to_owned(),
            about: "4 faults on the schedule".to_owned(),
            elapsed: Duration::from_secs(31),
            left: Some(Duration::from_secs(12)),
            seen: Seen {
                begun: 48_230,
                ok: 48_213,
                fail: 12,
                info: 3,
                read: 46_102,
            },
            rates: Rates {
                ok: 412.4,
                ..Rates::default()
            },
            latency: Some((3_100_000, 84_000_000)),
            partitions: (0..3)
                .map(|number| PartitionShown {
                    name: format!("log-{number}"),
                    leader: (number != 1).then_some(2),
                    epoch: 5,
                    in_sync: 3 - usize::from(number == 1),
                    replicas: 3,
                })
                .collect(),
            controller: Some((1, 4)),
            faults: vec![FaultShown {
                kind: "kill".to_owned(),
                detail: "node 2".to_owned(),
                since: 29_000_000_000,
            }],
            log: vec!["n2 [2026] INFO a".to_owned(), "n3 [2026] WARN b".to_owned()],
            ..View::default()
        }
    }

    fn texts(view: &View, width: usize, height: usize) -> Vec<String> {
        lines(view, width, height)
            .into_iter()
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn a_view_tells_everything_on_a_usual_terminal() {
        let expected = [
            "faults      31 s, 12 s left and the reading back · 4 faults on the schedule",
            "writes      48,213 ok (412/s)  12 failed (0/s)  3 unknown (0/s)  46,102 read (0/s)",
            "latency     p50 3.1 ms  p99 84 ms  of the last 5 s",
            "leaders     log-0 n2 e5 isr 3/3     log-1 none e5 isr 2/3   log-2 n2 e5 isr 3/3",
            "controller  n1, term 4",
            "in force    kill, for 2 s: node 2",
            "so far      nothing looks wrong; what was lost is known when everything has been read back",
            "log         n2 [2026] INFO a",
            "            n3 [2026] WARN b",
        ];
        assert_eq!(texts(&view(), 100, 30), expected);
    }

    #[test]
    fn what_has_no_room_is_left_out_by_weight() {
        for width in [1, 20, 40, 80, 200] {
            for height in [1, 3, 6, 8, 10, 24] {
                let lines = texts(&view(), width, height);
                assert!(
                    !lines.is_empty() && lines.len() <= height.max(1),
                    "{height}: {lines:#?}"
                );
                let widest = lines.iter().map(|line| console_width(line)).max();
                assert!(widest < Some(width.max(WIDTH_MIN)), "{width}: {lines:#?}");
            }
        }
        let low = texts(&view(), 100, 9);
        assert!(low.iter().any(|line| line.contains("kill")), "{low:#?}");
        assert!(!low.iter().any(|line| line.contains("WARN")), "{low:#?}");
    }

    #[test]
    fn nothing_that_others_wrote_reaches_the_terminal_as_more_than_text() {
        let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}\r\n\u{9b}31m\u{202e}x\u{200b}\0\u{8}日本語日本語";
        let mut view = view();
        view.log = vec![hostile.to_owned()];
        view.about = hostile.to_owned();
        view.wrong = vec![hostile.to_owned()];
        view.faults[0].detail = hostile.to_owned();
        view.faults[0].kind = hostile.to_owned();
        view.partitions[0].name = hostile.to_owned();
        for line in texts(&view, 60, 30).into_iter().chain([heartbeat(&view)]) {
            let bad = |character: char| character.is_control() || "\u{202e}\u{200b}".contains(character);
            assert!(!line.contains(bad), "{line:?}");
        }
        assert!(texts(&view, 60, 30).iter().all(|line| console_width(line) < 60));
    }

    #[test]
    fn a_sign_of_life_is_one_line() {
        assert_eq!(
            heartbeat(&view()),
            "faults: 31 s, 48,213 acknowledged, 12 failed, 3 unknown, 46,102 read, leaders 2 - 2, kill in force"
        );
    }
}
