//! A machine that is nothing but state, with its clock and its share of a CPU.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{Disk, Exit, Groups, Held, Machine, ProcessSpec, Skew, WallClock};
use history::NodeId;
use tokio::time::Instant;

use super::{FakeDisk, Journal};

pub(super) struct FakeMachine {
    pub(super) node: NodeId,
    pub(super) state: Mutex<Option<char>>,
    /// When its newest process was started; nothing for the first, which has long been up.
    pub(super) started: Mutex<Option<Instant>>,
    pub(super) clock: Mutex<Option<Arc<FakeClock>>>,
    pub(super) meter: Mutex<Meter>,
    pub(super) has_groups: AtomicBool,
    pub(super) disk: Mutex<Option<Arc<FakeDisk>>>,
    pub(super) journal: Journal,
}

/// A clock in the paused time of the runtime.
pub(super) struct FakeClock {
    pub(super) node: NodeId,
    pub(super) begun: Instant,
    pub(super) skews: Mutex<BTreeMap<u64, (Skew, Instant)>>,
    pub(super) next: AtomicU64,
    pub(super) journal: Journal,
}

impl FakeMachine {
    pub(super) fn set(&self, state: Option<char>) {
        *self.state.lock().expect("a state") = state;
    }

    pub(super) fn state(&self) -> Option<char> {
        *self.state.lock().expect("a state")
    }
}

#[async_trait]
impl Machine for FakeMachine {
    fn node(&self) -> NodeId {
        self.node
    }
    fn host(&self) -> &'static str {
        "fake"
    }
    fn address(&self) -> Ipv4Addr {
        Ipv4Addr::LOCALHOST
    }
    fn side_address(&self) -> Ipv4Addr {
        Ipv4Addr::LOCALHOST
    }
    fn directory(&self) -> PathBuf {
        PathBuf::new()
    }
    fn clock(&self) -> Option<Arc<dyn WallClock>> {
        let clock = self.clock.lock().expect("a clock").clone();
        clock.map(|clock| clock as Arc<dyn WallClock>)
    }
    fn disk(&self) -> Option<Arc<dyn Disk>> {
        let disk = self.disk.lock().expect("a disk").clone();
        disk.map(|disk| disk as Arc<dyn Disk>)
    }
    async fn start(&self, _: &ProcessSpec) -> Result<()> {
        unreachable!("the cluster starts its nodes")
    }
    async fn signal(&self, signal: i32) -> Result<()> {
        self.journal
            .lock()
            .expect("the journal")
            .push(format!("signal {signal} to {}", self.node));
        self.feed(if signal == libc::SIGSTOP { 0 } else { Meter::WANTS });
        self.set(match signal {
            libc::SIGSTOP => Some('T'),
            libc::SIGCONT => Some('S'),
            other => bail!("signal {other} is not for a pause"),
        });
        Ok(())
    }
    async fn process_state(&self) -> Result<Option<char>> {
        Ok(self.state())
    }
    async fn exited(&self) -> Result<Exit> {
        unreachable!("killing waits in the cluster")
    }
    async fn cpu_time(&self) -> Result<Option<Duration>> {
        Ok(Some(self.meter.lock().expect("a meter").read()))
    }
    fn groups(&self) -> Option<&dyn Groups> {
        self.has_groups.load(Relaxed).then_some(self)
    }
}

/// A process that always wants half of a CPU, and what it got of it.
pub(super) struct Meter {
    pub(super) at: Instant,
    pub(super) used: Duration,
    /// In per cent.
    pub(super) gets: u32,
}

impl Meter {
    pub(super) const WANTS: u32 = 50;

    pub(super) fn read(&mut self) -> Duration {
        self.used += self.at.elapsed() * self.gets / 100;
        self.at = Instant::now();
        self.used
    }
}

impl FakeMachine {
    /// What it gets from now on.
    pub(super) fn feed(&self, percent: u32) {
        let mut meter = self.meter.lock().expect("a meter");
        meter.read();
        meter.gets = percent;
    }

    pub(super) fn note(&self, text: String) {
        self.journal.lock().expect("the journal").push(text);
    }
}

#[async_trait]
impl Groups for FakeMachine {
    fn can_freeze(&self) -> bool {
        true
    }
    fn can_limit_cpu(&self) -> bool {
        true
    }
    async fn freeze(&self) -> Result<()> {
        self.note(format!("freeze {}", self.node));
        self.set(Some('F'));
        self.feed(0);
        Ok(())
    }
    async fn thaw(&self) -> Result<()> {
        self.note(format!("thaw {}", self.node));
        self.set(Some('S'));
        self.feed(Meter::WANTS);
        Ok(())
    }
    async fn limit_cpu(&self, percent: u32) -> Result<()> {
        self.note(format!("limit {} to {percent}", self.node));
        self.feed(percent.min(Meter::WANTS));
        Ok(())
    }
    async fn unlimit_cpu(&self) -> Result<()> {
        self.note(format!("unlimit {}", self.node));
        self.feed(Meter::WANTS);
        Ok(())
    }
    async fn held(&self) -> Result<Held> {
        let held_back = self.meter.lock().expect("a meter").gets < Meter::WANTS;
        Ok(Held {
            frozen: self.state() == Some('F'),
            throttled_periods: u64::from(held_back) * 30,
            throttled: Duration::from_secs(1) * u32::from(held_back),
        })
    }
}

impl WallClock for FakeClock {
    fn skew(&self, skew: Skew) -> Result<u64> {
        let id = self.next.fetch_add(1, Relaxed);
        let text = format!("skew {} of {}: {skew:?}", id, self.node);
        self.journal.lock().expect("the journal").push(text);
        let skews = &mut self.skews.lock().expect("the skews");
        skews.insert(id, (skew, Instant::now()));
        Ok(id)
    }
    fn restore(&self, id: u64) {
        let text = format!(
            "restore {id} of {} at {} s",
            self.node,
            self.begun.elapsed().as_secs()
        );
        self.journal.lock().expect("the journal").push(text);
        self.skews.lock().expect("the skews").remove(&id);
    }
    fn offset(&self) -> i64 {
        let skews = self.skews.lock().expect("the skews");
        let off = |(skew, since): &(Skew, Instant)| match *skew {
            Skew::Jump { nanoseconds } => nanoseconds,
            Skew::Drift { ppm } => since.elapsed().as_micros() as i64 * ppm / 1000,
            Skew::Strobe { period, nanoseconds } => {
                let periods = since.elapsed().as_nanos() / period.as_nanos();
                if periods.is_multiple_of(2) { nanoseconds } else { 0 }
            }
        };
        skews.values().map(off).sum()
    }
}
