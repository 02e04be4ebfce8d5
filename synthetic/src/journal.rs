//! The clock of a history that is being made, and its numbers.

use std::io;

use history::{Event, Expectation, F, FORMAT, Header, Op, Topic, VERSION, What};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Where events go. An error ends the making of a history.
pub type Sink<'s> = dyn FnMut(&Event) -> io::Result<()> + 's;

/// Nanoseconds between two events: less than this.
const STEP_MAX: u64 = 100_000;
/// The stream of random numbers that times are drawn from, so that they change nothing else.
const TIMES: u64 = 1;

/// Hands events on, each with its time.
pub(crate) struct Journal<'s, 'f> {
    sink: &'s mut Sink<'f>,
    random: ChaCha8Rng,
    time: u64,
    /// Operations that were begun.
    pub(crate) operations: u64,
}

impl<'s, 'f> Journal<'s, 'f> {
    /// Begins with the header.
    pub(crate) fn open(sink: &'s mut Sink<'f>, seed: u64, topics: Vec<Topic>) -> io::Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(TIMES);
        let what = What::Header(Box::new(header(seed, topics)));
        sink(&Event { time: 0, what })?;
        Ok(Self {
            sink,
            random,
            time: 0,
            operations: 0,
        })
    }

    pub(crate) fn write(&mut self, what: What) -> io::Result<()> {
        self.time += self.random.random_range(1..STEP_MAX);
        let time = self.time;
        (self.sink)(&Event { time, what })
    }

    /// Begins an operation and returns its number.
    pub(crate) fn invoke(&mut self, process: u32, f: F) -> io::Result<u64> {
        let op = self.operations;
        self.operations += 1;
        self.write(What::Invoke(Op::new(process, op, f)))?;
        Ok(op)
    }
}

fn header(seed: u64, topics: Vec<Topic>) -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: "synthetic".to_owned(),
        seed,
        broker: "synthetic".to_owned(),
        client: None,
        started: "1970-01-01T00:00:00Z".to_owned(),
        nodes: Vec::new(),
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics,
        expect: Expectation::default(),
    }
}
