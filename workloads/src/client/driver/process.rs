//! One process of a driver: its requests, its answers, and its end.
//!
//! It is not trusted. Whatever it says that the protocol does not have, and whatever it does not say in time, ends it; and
//! every request that is open then ends as one of which nobody knows.

use std::collections::HashMap;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use history::F;
use serde_json::{Value, json};

use super::super::library::{Advice, Delivery, Refusal};
use super::super::place::Place;
use super::life::{Ping, spawn, write};
use super::lines::{LINE_MAX, Lines, Next};
use super::program::Program;
use super::wire::{Answer, Kind, Nonsense};
use crate::scribe::End;

/// Requests that wait to be written. A driver that takes none for that long is not sent more.
const UNWRITTEN_MAX: usize = 20_000;
/// What an answer may take beyond the time that the request gave.
const GRACE: Duration = Duration::from_secs(15);
/// How often its end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What of its standard error goes to the clients' log.
const STDERR_MAX: usize = 1 << 20;
const STDERR_LINE_MAX: usize = 4_096;

/// A process of a driver, as those see it who ask something of it.
pub(super) struct Process {
    place: Arc<Place>,
    requests: SyncSender<Vec<u8>>,
    next_id: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<u64, Waiting>,
    /// Clients that are of no further use, and why.
    fatal: HashMap<u32, String>,
    /// Why it has ended, or has to.
    ended: Option<String>,
}

/// Who waits for an answer.
enum Waiting {
    Call(SyncSender<Result<Answer, String>>),
    Send {
        client: u32,
        token: u64,
        unacknowledged: bool,
        reports: Sender<(u64, Delivery)>,
    },
}

/// Where the report of a record goes.
pub(super) struct Report<'a> {
    pub(super) client: u32,
    pub(super) token: u64,
    /// Whether nobody is asked to acknowledge: `acks=0`.
    pub(super) unacknowledged: bool,
    pub(super) reports: &'a Sender<(u64, Delivery)>,
}

impl Process {
    /// Starts the program.
    pub(super) fn start(place: &Arc<Place>, program: &Program) -> Result<Arc<Self>, String> {
        let (requests, unwritten) = sync_channel(UNWRITTEN_MAX);
        let process = Arc::new(Self {
            place: place.clone(),
            requests,
            next_id: AtomicU64::new(1),
            state: Mutex::default(),
        });
        let (started, has_started) = sync_channel(1);
        let (kept, program) = (process.clone(), program.clone());
        // The kernel ends the process when the thread ends that started it: so that thread stays until it has ended.
        let keep = move || match spawn(&program) {
            Ok(child) => {
                let _ = started.send(Ok(()));
                kept.keep(child, unwritten, &program.name);
            }
            Err(error) => {
                let _ = started.send(Err(format!(
                    "cannot start {}: {error}",
                    program.command.join(" ")
                )));
            }
        };
        thread::Builder::new()
            .name("driver".to_owned())
            .spawn(keep)
            .map_err(|error| format!("cannot start a thread for the driver: {error}"))?;
        match has_started.recv() {
            Ok(outcome) => outcome.map(|()| process),
            Err(_) => Err("the driver's thread ended".to_owned()),
        }
    }

    /// Asks, and waits for the answer: an error is why there is none. A driver without one in time is ended.
    pub(super) fn call(&self, mut request: Value, within: Duration) -> Result<Answer, Refusal> {
        let (answer, answered) = sync_channel(1);
        let id = self.next_id.fetch_add(1, Relaxed);
        request["id"] = json!(id);
        let waiting = Waiting::Call(answer);
        let sent = self.ask(id, waiting, request.to_string());
        if sent == Sent::Refused {
            return Err(discard(
                self.ended()
                    .unwrap_or_else(|| "the driver takes no requests".to_owned()),
            ));
        }
        match answered.recv_timeout(within + GRACE) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(discard(reason)),
            Err(_) => {
                self.lock().open.remove(&id);
                let op = request["op"].as_str().unwrap_or_default();
                Err(discard(self.condemn(&format!(
                    "it did not answer `{op}` in {:?}, {GRACE:?} more than it had",
                    within + GRACE
                ))))
            }
        }
    }

    /// Asks to write a record. An error is certain: the request never left.
    pub(super) fn send(&self, mut request: Value, report: &Report<'_>) -> Result<(), Refusal> {
        let id = self.next_id.fetch_add(1, Relaxed);
        request["id"] = json!(id);
        let waiting = Waiting::Send {
            client: report.client,
            token: report.token,
            unacknowledged: report.unacknowledged,
            reports: report.reports.clone(),
        };
        match self.ask(id, waiting, request.to_string()) {
            Sent::Taken => Ok(()),
            Sent::Refused => Err(Refusal {
                text: "not taken by the driver".to_owned(),
                advice: Advice::Refused,
            }),
        }
    }

    /// Asks whether it lives; the answer comes by what is given back.
    pub(super) fn ping(&self) -> Receiver<Result<Answer, String>> {
        let (answer, answered) = sync_channel(1);
        let id = self.next_id.fetch_add(1, Relaxed);
        let line = json!({"id": id, "op": "ping"}).to_string();
        self.ask(id, Waiting::Call(answer), line);
        answered
    }

    fn ask(&self, id: u64, waiting: Waiting, mut line: String) -> Sent {
        {
            let mut state = self.lock();
            if state.ended.is_some() {
                return Sent::Refused;
            }
            state.open.insert(id, waiting);
        }
        line.push('\n');
        if self.requests.try_send(line.into_bytes()).is_ok() {
            return Sent::Taken;
        }
        // Where its end came first, whoever waits has been told already.
        match self.lock().open.remove(&id) {
            Some(_) => Sent::Refused,
            None => Sent::Taken,
        }
    }

    /// Why it has ended, if it has.
    pub(super) fn ended(&self) -> Option<String> {
        self.lock().ended.clone()
    }

    /// Why a client is of no further use, if it is not.
    pub(super) fn fatal(&self, client: u32) -> Option<String> {
        let state = self.lock();
        state.ended.clone().or_else(|| state.fatal.get(&client).cloned())
    }

    /// Ends it, for that reason unless there is an earlier one, which is given back.
    pub(super) fn condemn(&self, reason: &str) -> String {
        let (reason, open) = {
            let mut state = self.lock();
            let reason = state
                .ended
                .get_or_insert_with(|| format!("the driver was ended: {reason}"))
                .clone();
            (reason, std::mem::take(&mut state.open))
        };
        for waiting in open.into_values() {
            match waiting {
                Waiting::Call(answer) => drop(answer.send(Err(reason.clone()))),
                Waiting::Send { token, reports, .. } => {
                    let _ = reports.send((token, Delivery::ended(End::Info(reason.clone()))));
                }
            }
        }
        reason
    }

    /// Ends it over what it said.
    pub(super) fn nonsense(&self, nonsense: &Nonsense) -> Refusal {
        discard(self.condemn(&format!("it answered nonsense: {nonsense}")))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes requests and answers on until it ends, and tells how that came.
    fn keep(self: &Arc<Self>, mut child: Child, unwritten: Receiver<Vec<u8>>, name: &str) {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if let (Some(input), Some(output), Some(errors)) = pipes {
            thread::spawn(move || write(input, &unwritten));
            let (reader, teller, name) = (self.clone(), self.clone(), name.to_owned());
            thread::spawn(move || reader.read(output));
            thread::spawn(move || teller.tell(errors, &name));
        }
        let mut ping = Ping::new();
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                self.condemn(&format!("it ended by itself ({status})"));
            }
            if self.ended().is_some() {
                break;
            }
            ping.look(self);
            thread::sleep(LOOK_EVERY);
        }
        // What it started itself goes too: it leads a group of its own.
        // SAFETY: no pointer is passed; our child is not reaped unless it has ended, and its group is no other's while it has members.
        unsafe { libc::kill(-child.id().cast_signed(), libc::SIGKILL) };
        let _ = child.kill();
        let _ = child.wait();
        let reason = self.ended().unwrap_or_default();
        if reason != over() {
            self.place.line(name, &reason);
            let scribe = &self.place.scribe;
            let process = scribe.process();
            let op = scribe.invoke(process, F::Crash);
            scribe.end(process, op, F::Crash, End::Info(format!("{name}: {reason}")));
        }
    }

    /// Takes its answers.
    fn read(&self, output: impl std::io::Read) {
        let mut lines = Lines::new(output, LINE_MAX);
        loop {
            let outcome = match lines.next() {
                Next::Line(line) => self.answered(&line),
                Next::TooLong => Err(format!("a line of more than {LINE_MAX} bytes")),
                Next::End => return,
            };
            if let Err(nonsense) = outcome {
                self.nonsense(&nonsense);
            }
            if self.ended().is_some() {
                return;
            }
        }
    }

    fn answered(&self, line: &[u8]) -> Result<(), Nonsense> {
        let (id, answer) = Answer::read(line)?;
        let mut state = self.lock();
        let waiting = state
            .open
            .remove(&id)
            .ok_or_else(|| format!("an answer to request {id}, which is not open"))?;
        match waiting {
            Waiting::Call(caller) => drop(caller.send(Ok(answer))),
            Waiting::Send {
                client,
                token,
                unacknowledged,
                reports,
            } => {
                let fatal = answer.fatal();
                let delivery = self.delivery(&answer, unacknowledged);
                // Put back, so that it ends with the process.
                let put_back = |state: &mut State| {
                    let waiting = Waiting::Send {
                        client,
                        token,
                        unacknowledged,
                        reports: reports.clone(),
                    };
                    state.open.insert(id, waiting);
                };
                match (fatal, delivery) {
                    (Ok(fatal), Ok(delivery)) => {
                        if let Some(fatal) = fatal {
                            state.fatal.insert(client, fatal);
                        }
                        let _ = reports.send((token, delivery));
                    }
                    (Err(nonsense), _) | (_, Err(nonsense)) => {
                        put_back(&mut state);
                        return Err(nonsense);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a client's fatal error down.
    pub(super) fn take_fatal(&self, client: u32, answer: &Answer) -> Result<(), Nonsense> {
        if let Some(fatal) = answer.fatal()? {
            self.lock().fatal.insert(client, fatal);
        }
        Ok(())
    }

    /// How a write ended: `ok` only with the offset that a broker gave it, or where nobody is asked to acknowledge.
    fn delivery(&self, answer: &Answer, unacknowledged: bool) -> Result<Delivery, Nonsense> {
        let offset = answer.optional_number("offset")?.filter(|offset| *offset >= 0);
        let broker = answer.optional_number("broker")?.map(u32::try_from).transpose();
        let end = match answer.kind {
            Kind::Ok if unacknowledged || offset.is_some() => End::Ok,
            Kind::Ok => End::Info("taken for written by the client, without a word from a broker".to_owned()),
            // Where disks may fail no refusal of a broker's is certain.
            Kind::Fail if !self.place.disks_may_fail => End::Fail(answer.error()),
            Kind::Fail | Kind::Info => End::Info(answer.error()),
        };
        let is_written = end == End::Ok;
        let in_flight = answer.optional_number("in-flight")?.map(u32::try_from);
        Ok(Delivery {
            expired: answer.is("expired")? && !is_written,
            in_flight: in_flight.transpose().map_err(|_| "`in-flight` is out of range")?,
            end,
            offset: offset.filter(|_| is_written),
            broker: broker
                .map_err(|_| "`broker` is out of range")?
                .filter(|_| is_written),
            timestamp: answer.optional_number("timestamp")?.filter(|_| is_written),
        })
    }

    /// Passes on to the clients' log what it says on its standard error, as much as there is room for.
    fn tell(&self, errors: impl std::io::Read, name: &str) {
        let mut lines = Lines::new(errors, STDERR_LINE_MAX);
        let mut bytes = 0;
        loop {
            let line = match lines.next() {
                Next::Line(line) => line,
                Next::TooLong => break,
                Next::End => return,
            };
            bytes += line.len();
            if bytes > STDERR_MAX {
                break;
            }
            self.place.line(name, &String::from_utf8_lossy(&line));
        }
        self.place
            .line(name, "says more on its standard error than is kept");
        lines.drain();
    }
}

/// Whether a request is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Taken,
    Refused,
}

fn discard(text: String) -> Refusal {
    Refusal {
        text,
        advice: Advice::Discard,
    }
}

/// The reason of an end that is none of the driver's.
pub(super) const OVER: &str = "its clients are no longer needed";

fn over() -> String {
    format!("the driver was ended: {OVER}")
}
