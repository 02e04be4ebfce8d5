//! A trace that ui.perfetto.dev opens: Chrome's Trace Event Format in JSON.
//!
//! That format, and not Perfetto's own, because it is documented, needs no compiler of protocols, can be read by any tool that reads JSON,
//! and is written as the history is walked: nothing of an operation is held once it has ended. An operation is one event (`X`, a slice with
//! a length) on a track of its client, half of what a pair of asynchronous events would take; no client has two at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::ControlFlow;

use checkers::TimelineBuilder;
use history::foreign::ExportError;
use history::{Event, F, Op, ProbeOf, Probed, Source, What};
use serde::Serialize;

use super::names::KeyNames;
use super::operations::{Outcome, Pairing, Whole, word};
use super::tracks::{self, Track};

/// Words of a broker that are longer are cut off in the name; the arguments have all.
const NAME_MAX: usize = 120;

/// Writes a trace, and says how many events it has.
pub fn trace(source: &mut dyn Source, out: &mut dyn Write) -> Result<u64, ExportError> {
    let names = KeyNames::of(source)?;
    let mut trace = Trace::begin(out, &names).map_err(ExportError::Write)?;
    let mut timeline = TimelineBuilder::new(source.header());
    let mut pairing = Pairing::default();
    let mut failed = None;
    source.scan(&mut |events| {
        for event in events {
            let written = trace.event(event, &mut pairing);
            if !matches!(
                event.what,
                What::Invoke(_) | What::Ok(_) | What::Fail(_) | What::Info(_)
            ) {
                timeline.event(event);
            }
            trace.end = trace.end.max(event.time);
            if let Err(error) = written {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err).map_err(ExportError::Write)?;
    let mut timeline = timeline.finish();
    timeline.end = trace.end;
    pairing
        .end(|whole| trace.operation(whole))
        .and_then(|()| tracks::write(&mut trace, &timeline))
        .and_then(|()| trace.finish())
        .map_err(ExportError::Write)
}

/// Times are in microseconds; thousandths of them are nanoseconds.
#[derive(Clone, Copy, Serialize)]
#[serde(transparent)]
struct Micros(f64);

fn micros(nanoseconds: u64) -> Micros {
    Micros(nanoseconds as f64 / 1e3)
}

/// One event of a trace.
#[derive(Serialize)]
struct Entry<'a, A: Serialize> {
    ph: &'static str,
    pid: u32,
    tid: u64,
    ts: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<Micros>,
    /// An instant is drawn on its own track alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    name: &'a str,
    args: A,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Sorted {
    sort_index: u32,
}

#[derive(Serialize)]
struct OpArgs<'a> {
    op: u64,
    process: u32,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// A trace as it is written.
pub(super) struct Trace<'a> {
    out: &'a mut dyn Write,
    names: &'a KeyNames,
    events: u64,
    /// The tracks that have a name by now.
    named: BTreeSet<Track>,
    lanes: Lanes,
    /// The time of the last event.
    pub(super) end: u64,
}

impl<'a> Trace<'a> {
    fn begin(out: &'a mut dyn Write, names: &'a KeyNames) -> io::Result<Self> {
        out.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        Ok(Self {
            out,
            names,
            events: 0,
            named: BTreeSet::new(),
            lanes: Lanes::default(),
            end: 0,
        })
    }

    fn finish(self) -> io::Result<u64> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()?;
        Ok(self.events)
    }

    fn event(&mut self, event: &Event, pairing: &mut Pairing) -> io::Result<()> {
        match &event.what {
            What::Node(change) => {
                let name = format!("n{} {}", change.node, change.state);
                self.instant(Track::node(change.node), event.time, &name, &change.incarnation)
            }
            What::Line(line) => {
                let short: String = line.text.chars().take(NAME_MAX).collect();
                self.instant(Track::node(line.node), line.at, &short, &line.text)
            }
            What::Probed(probed) => self.probed(probed),
            What::Interrupted => self.instant(Track::PHASES, event.time, "interrupted", &()),
            _ => pairing.event(event, |whole| self.operation(whole)),
        }
    }

    /// Only failures are drawn: all the rest of the time it could be written and read.
    fn probed(&mut self, probed: &Probed) -> io::Result<()> {
        let Some(why) = &probed.failed else {
            return Ok(());
        };
        let what = match probed.f {
            ProbeOf::Write => "writes fail",
            ProbeOf::Read => "reads fail",
        };
        let track = Track::outage(probed.key, probed.f);
        self.slice(track, probed.from, probed.until, what, why)
    }

    fn operation(&mut self, whole: &Whole<'_>) -> io::Result<()> {
        let op = whole.op;
        let lane = self.lanes.of(op.process);
        let name = self.op_name(op, whole.outcome);
        let (value, offset, broker) = match &op.f {
            F::Send(send) => (Some(send.value), send.offset, send.broker),
            _ => (None, None, None),
        };
        let args = OpArgs {
            op: op.op,
            process: op.process,
            outcome: whole.outcome.word(),
            value,
            offset,
            broker,
            records: match &op.f {
                F::Poll(poll) => Some(poll.records.len()),
                F::Txn(txn) => Some(txn.mops.len()),
                _ => None,
            },
            error: op.error.as_deref(),
        };
        let end = whole.end.unwrap_or(self.end);
        if whole.outcome == Outcome::Info {
            self.lanes.free(op.process);
        }
        self.slice(Track::client(lane), whole.begin, end, &name, &args)
    }

    /// Slices of one name have one colour: so it names what is done and how it ended, and no numbers.
    fn op_name(&self, op: &Op, outcome: Outcome) -> String {
        let what = match &op.f {
            F::Send(send) => format!("send {}", self.names.name(send.key)),
            other => word(other).to_owned(),
        };
        match outcome {
            Outcome::Ok => what,
            other => format!("{what}: {}", other.word()),
        }
    }

    /// What lasts.
    pub(super) fn slice(
        &mut self,
        track: Track,
        from: u64,
        to: u64,
        name: &str,
        args: &impl Serialize,
    ) -> io::Result<()> {
        self.name(track)?;
        self.write(&Entry {
            ph: "X",
            pid: track.group(),
            tid: track.number(),
            ts: micros(from),
            dur: Some(micros(to.saturating_sub(from))),
            s: None,
            name,
            args: Args::of(args),
        })
    }

    /// What happens at once.
    fn instant(&mut self, track: Track, at: u64, name: &str, args: &impl Serialize) -> io::Result<()> {
        self.name(track)?;
        self.write(&Entry {
            ph: "i",
            pid: track.group(),
            tid: track.number(),
            ts: micros(at),
            dur: None,
            s: Some("t"),
            name,
            args: Args::of(args),
        })
    }

    /// A number that holds until the next.
    pub(super) fn counter(&mut self, track: Track, at: u64, name: &str, value: usize) -> io::Result<()> {
        self.group(track)?;
        self.write(&Entry {
            ph: "C",
            pid: track.group(),
            tid: track.number(),
            ts: micros(at),
            dur: None,
            s: None,
            name,
            args: BTreeMap::from([("replicas in sync", value)]),
        })
    }

    /// A partition's name.
    pub(super) fn key_name(&self, key: history::Key) -> String {
        self.names.name(key)
    }

    /// Names a track before the first of its events.
    fn name(&mut self, track: Track) -> io::Result<()> {
        if !self.named.insert(track) {
            return Ok(());
        }
        self.group(track)?;
        let name = track.name(self.names);
        self.about(track, "thread_name", Named { name: &name })
    }

    /// Names the group of a track, the first time.
    fn group(&mut self, track: Track) -> io::Result<()> {
        let head = track.head();
        if !self.named.insert(head) {
            return Ok(());
        }
        self.about(
            head,
            "process_name",
            Named {
                name: head.group_name(),
            },
        )?;
        let sort_index = head.group();
        self.about(head, "process_sort_index", Sorted { sort_index })
    }

    fn about(&mut self, track: Track, what: &'static str, args: impl Serialize) -> io::Result<()> {
        self.write(&Entry {
            ph: "M",
            pid: track.group(),
            tid: track.number(),
            ts: micros(0),
            dur: None,
            s: None,
            name: what,
            args,
        })
    }

    fn write(&mut self, entry: &Entry<'_, impl Serialize>) -> io::Result<()> {
        self.out
            .write_all(if self.events == 0 { b"\n" } else { b",\n" })?;
        self.events += 1;
        serde_json::to_writer(&mut *self.out, entry).map_err(io::Error::from)
    }
}

/// The arguments of an event are always a map.
#[derive(Serialize)]
struct Args<'a, A: Serialize> {
    about: &'a A,
}

impl<'a, A: Serialize> Args<'a, A> {
    fn of(about: &'a A) -> Self {
        Self { about }
    }
}

/// Clients on tracks: a client whose operation ended in the dark is thrown away for a new one, which takes its track.
#[derive(Default)]
struct Lanes {
    taken: BTreeMap<u32, u32>,
    free: BTreeSet<u32>,
    next: u32,
}

impl Lanes {
    fn of(&mut self, process: u32) -> u32 {
        if let Some(lane) = self.taken.get(&process) {
            return *lane;
        }
        let lane = self.free.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        self.taken.insert(process, lane);
        lane
    }

    fn free(&mut self, process: u32) {
        self.free.extend(self.taken.remove(&process));
    }
}
