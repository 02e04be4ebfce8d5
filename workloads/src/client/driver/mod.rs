//! Client libraries in programs of their own, which speak the driver protocol: a request a line on their standard input, an
//! answer a line on their standard output. `docs/drivers.md` has every message.
//!
//! A driver that ends, or has to be ended, is started anew; a producer of it is of no further use, a consumer goes on as a new
//! client from where it stood.

mod consumer;
mod life;
mod lines;
mod process;
mod producer;
mod program;
mod settings;
mod share;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::library::{
    Advice, Consumer, ConsumerSettings, Library, Producer, ProducerSettings, Refusal, ShareConsumer,
    ShareSettings,
};
use super::place::Place;
use process::Process;
use wire::{Answer, Kind, PROTOCOL};

pub use program::{Described, Program};

/// How long a driver may take to say hello.
const HELLO_WITHIN: Duration = Duration::from_secs(30);
/// How long is waited at least between two starts.
const START_EVERY: Duration = Duration::from_secs(1);
/// How long it may take to make a client, or to end one.
const MAKE_WITHIN: Duration = Duration::from_secs(10);

/// Makes clients of a driver.
pub(crate) struct Driver {
    core: Arc<Core>,
}

/// The driver's process, whichever it is now.
struct Core {
    place: Arc<Place>,
    program: Program,
    now: Mutex<Now>,
    next_client: AtomicU32,
}

#[derive(Default)]
struct Now {
    process: Option<Arc<Process>>,
    started: Option<Instant>,
}

impl Driver {
    pub(crate) fn new(place: Arc<Place>, program: Program) -> Self {
        Self {
            core: Arc::new(Core {
                place,
                program,
                now: Mutex::default(),
                next_client: AtomicU32::new(0),
            }),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let now = self.core.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(process) = &now.process {
            process.condemn(process::OVER);
        }
    }
}

/// Starts a driver to ask what it is, and ends it.
pub(crate) fn describe(place: &Arc<Place>, program: &Program) -> Result<Described, String> {
    let process = Process::start(place, program)?;
    let described = hello(&process, place);
    process.condemn(process::OVER);
    described
}

/// The handshake.
fn hello(process: &Process, place: &Place) -> Result<Described, String> {
    let request = json!({
        "op": "hello",
        "protocol": PROTOCOL,
        "topics": place.keys.topics(),
        "within": HELLO_WITHIN.as_millis() as u64,
    });
    let answer = process
        .call(request, HELLO_WITHIN)
        .map_err(|refusal| refusal.text)?;
    if answer.kind != Kind::Ok {
        return Err(format!("the driver refuses to work: {}", answer.error()));
    }
    let read = || {
        let protocol = answer.number("protocol")?;
        let described = Described {
            library: answer.text("library")?,
            version: answer.text("version")?,
            capabilities: answer.texts("capabilities")?,
        };
        Ok((protocol, described))
    };
    let (protocol, described) = read().map_err(|nonsense| process.nonsense(&nonsense).text)?;
    if protocol != PROTOCOL as i64 {
        return Err(process.condemn(&format!(
            "it speaks version {protocol} of the driver protocol, and this is version {PROTOCOL}"
        )));
    }
    Ok(described)
}

impl Core {
    /// The process that works now; a new one where there is none.
    fn process(&self) -> Result<Arc<Process>, Refusal> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(process) = &now.process
            && process.ended().is_none()
        {
            return Ok(process.clone());
        }
        if let Some(started) = now.started {
            std::thread::sleep(START_EVERY.saturating_sub(started.elapsed()));
        }
        now.started = Some(Instant::now());
        let again = |text| Refusal {
            text,
            advice: Advice::Again,
        };
        let process = Process::start(&self.place, &self.program).map_err(again)?;
        let described = hello(&process, &self.place).map_err(again)?;
        let text = format!("{} {} is at work", described.library, described.version);
        self.place.line(&self.program.name, &text);
        now.process = Some(process.clone());
        Ok(process)
    }

    /// A new client of the process that works now.
    fn client(self: &Arc<Self>, op: &str, settings: &Value) -> Result<Client, Refusal> {
        self.client_of(json!({"op": op, "settings": settings}))
    }

    fn client_of(self: &Arc<Self>, request: Value) -> Result<Client, Refusal> {
        let client = Client {
            process: self.process()?,
            number: self.next_client.fetch_add(1, Relaxed),
        };
        client.ask(request, MAKE_WITHIN)?;
        Ok(client)
    }
}

/// A client of a driver's process.
#[derive(Clone)]
struct Client {
    process: Arc<Process>,
    number: u32,
}

impl Client {
    /// Asks for something, and gives the answer if it is `ok`.
    fn ask(&self, request: Value, within: Duration) -> Result<Answer, Refusal> {
        let answer = self.answer(request, within)?;
        if answer.kind == Kind::Ok {
            return Ok(answer);
        }
        let refusal = answer.refusal();
        Err(refusal.unwrap_or_else(|nonsense| self.process.nonsense(&nonsense)))
    }

    /// Asks for something, and gives the answer, whatever it is.
    fn answer(&self, mut request: Value, within: Duration) -> Result<Answer, Refusal> {
        request["client"] = json!(self.number);
        request["within"] = json!(within.as_millis() as u64);
        let answer = self.process.call(request, within)?;
        match self.process.take_fatal(self.number, &answer) {
            Ok(()) => Ok(answer),
            Err(nonsense) => Err(self.process.nonsense(&nonsense)),
        }
    }

    /// What an answer says; where it is nonsense the process is ended.
    fn read<T>(&self, said: Result<T, wire::Nonsense>) -> Result<T, Refusal> {
        said.map_err(|nonsense| self.process.nonsense(&nonsense))
    }

    /// Tells it to end, and waits for that elsewhere.
    fn end(self, op: &'static str) {
        std::thread::spawn(move || self.ask(json!({"op": op}), MAKE_WITHIN));
    }
}

impl Library for Driver {
    fn producer(&self, settings: &ProducerSettings) -> Result<Box<dyn Producer>, Refusal> {
        Ok(Box::new(producer::DriverProducer::make(&self.core, settings)?))
    }

    fn consumer(&self, settings: &ConsumerSettings) -> Result<Box<dyn Consumer>, Refusal> {
        Ok(Box::new(consumer::DriverConsumer::make(&self.core, settings)?))
    }

    fn share_consumer(&self, settings: &ShareSettings) -> Result<Box<dyn ShareConsumer>, Refusal> {
        Ok(Box::new(share::DriverShareConsumer::make(&self.core, settings)?))
    }
}
