//! The switch's thread: frames in, frames out, some of them later.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;
use nix::unistd::{read, write};

use crate::address::Mac;
use crate::capture::Passage;
use crate::card::HEADER_BYTES;
use crate::frame::{ArpRequest, Packet, arp_reply, parse};
use crate::lookout::Lookout;
use crate::offload::{complete, turn_over};
use crate::queue::{Queue, Waiting};
use crate::segment::Segments;
use crate::shaper::{Shaper, Trip, travel};
use crate::switch::Shared;
use crate::table::{Decision, Table, decide};

/// Frames taken from one port before the next one has its turn and new rules are looked for.
const BATCH_FRAMES: usize = 64;

/// How the switch's thread stands to others, where it may choose…
const NICE: i32 = -15;
/// …and how long its turns are: the shortest that the kernel grants.
const TURN_NANOSECONDS: u64 = 100_000;

/// Room for the largest frame that a card hands over: 64 KiB of segments and their headers.
const FRAME_BYTES_MAX: usize = 80 * 1024;

/// Events taken at once.
const EVENTS: usize = 64;

/// The number of the event that wakes the thread without a frame…
const WAKE: u64 = u64::MAX;
/// …and of the one that says that a frame has waited long enough; the others are ports.
const TIMER: u64 = WAKE - 1;

/// The thread's own state.
pub(crate) struct Fabric {
    shared: Arc<Shared>,
    cards: Vec<OwnedFd>,
    epoll: Epoll,
    table: Arc<Table>,
    version: u64,
    buffer: Vec<u8>,
    queue: Queue,
    timer: TimerFd,
    /// For when the timer is set.
    armed: Option<u64>,
    scratch: Scratch,
    lookout: Lookout,
}

/// Room that is used again for each frame that rules shape.
#[derive(Default)]
struct Scratch {
    shapers: Vec<Arc<Shaper>>,
    segment: Vec<u8>,
    trips: Vec<Trip>,
}

/// The time by the clock that frames wait by, in nanoseconds: monotonic, and the timer's own.
pub(crate) fn now() -> u64 {
    clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_or(Duration::ZERO, Duration::from)
        .as_nanos() as u64
}

/// Asks the scheduler to let this thread go before others as soon as it wants to: a real network does not wait for
/// the processes that use it. Where that is refused the switch is as late as any other thread.
fn come_first() {
    let ordinary = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        // Short turns need no permission: who asks for little has its turn soon.
        sched_runtime: TURN_NANOSECONDS,
        sched_deadline: 0,
        sched_period: 0,
    };
    let real_time = libc::sched_attr {
        sched_policy: libc::SCHED_FIFO as u32,
        sched_priority: 1,
        sched_runtime: 0,
        ..ordinary
    };
    let nice = libc::sched_attr {
        sched_nice: NICE,
        ..ordinary
    };
    for wish in [real_time, nice, ordinary] {
        // SAFETY: the kernel reads as many bytes as the structure says it has, and 0 is this thread.
        if unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wish, 0) } == 0 {
            return;
        }
    }
}

impl Fabric {
    /// Takes the cards over, one a port.
    pub(crate) fn new(shared: Arc<Shared>, cards: Vec<OwnedFd>) -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (index, card) in cards.iter().enumerate() {
            epoll.add(card, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        epoll.add(shared.wake.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        // Said once each time that it is due: it is never read, and a timer that is due and not set anew would wake the thread for ever.
        let once = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll.add(timer.as_fd(), EpollEvent::new(once, TIMER))?;
        Ok(Self {
            shared,
            cards,
            epoll,
            table: Arc::default(),
            version: 0,
            buffer: vec![0; FRAME_BYTES_MAX],
            queue: Queue::default(),
            timer,
            armed: None,
            scratch: Scratch::default(),
            lookout: Lookout::default(),
        })
    }

    /// Runs until the handle says stop. An error is one that leaves no switch. What still waits then is lost.
    pub(crate) fn run(mut self) -> nix::Result<()> {
        come_first();
        let mut events = [EpollEvent::empty(); EVENTS];
        while !self.shared.stop.load(Ordering::Acquire) {
            let count = match self.lookout.wait(&self.epoll, &mut events, now) {
                Err(Errno::EINTR) => 0,
                result => result?,
            };
            self.shared.totals.wakes.fetch_add(1, Ordering::Relaxed);
            for event in &events[..count] {
                match event.data() {
                    // Before the rules are looked at: what comes after wakes again.
                    WAKE => drop(self.shared.wake.read()),
                    // One that is set anew no longer says that it was due.
                    TIMER => self.armed = None,
                    _ => {}
                }
                self.adopt_rules();
                if event.data() < TIMER {
                    self.serve(event.data() as usize, event.events());
                }
                self.release();
            }
            self.arm()?;
        }
        Ok(())
    }

    /// Takes new rules over, and says so to those who wait for it.
    fn adopt_rules(&mut self) {
        let version = self.shared.version.load(Ordering::Acquire);
        if version != self.version {
            self.table = self.shared.table();
            self.version = version;
            self.queue.forget_ended();
            self.release();
            self.shared.adopted(version);
        }
    }

    /// Sets the timer for the frame that is due first.
    fn arm(&mut self) -> nix::Result<()> {
        let Some(due) = self.queue.next_due().filter(|&due| self.armed != Some(due)) else {
            return Ok(());
        };
        // A time of zero would stop the timer; one that is over is as good as now.
        let at = TimeSpec::from(Duration::from_nanos(due.max(1)));
        self.timer
            .set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        self.armed = Some(due);
        Ok(())
    }

    /// Sends on what has waited long enough.
    fn release(&mut self) {
        if self.queue.next_due().is_none() {
            return;
        }
        let now = now();
        while let Some(Waiting {
            trip,
            from,
            to,
            frame,
        }) = self.queue.pop_due(now)
        {
            trip.went_on(now, frame.len() - HEADER_BYTES);
            self.deliver(from, to, &frame);
        }
    }

    /// Takes a batch of frames from a port. A port whose card is gone is served no longer.
    fn serve(&mut self, from: usize, flags: EpollFlags) {
        for _ in 0..BATCH_FRAMES {
            match read(&self.cards[from], &mut self.buffer) {
                Ok(length) if length > HEADER_BYTES => self.forward(from, length),
                // The second: one frame whose kind of segments has no form here is lost, and the card is whole.
                Err(Errno::EINTR | Errno::EINVAL) => {}
                Err(Errno::EAGAIN) if !flags.intersects(EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP) => {
                    return;
                }
                Ok(_) | Err(_) => {
                    let _ = self.epoll.delete(&self.cards[from]);
                    return;
                }
            }
        }
    }

    /// Does with the frame in the buffer what is decided about it.
    fn forward(&mut self, from: usize, length: usize) {
        let frame = &self.buffer[HEADER_BYTES..length];
        let totals = &self.shared.totals;
        match decide(&self.shared.layout, &self.table, from, parse(frame), frame.len()) {
            Decision::Forward(to) => self.deliver(from, to, &self.buffer[..length]),
            Decision::Drop(to) => self.lose(from, to, &self.buffer[..length]),
            Decision::Shape(to, packet) => self.shape(from, to, &packet, length),
            Decision::Answer(request, owner) => self.answer(from, &request, owner),
            Decision::Foreign => drop(totals.foreign.fetch_add(1, Ordering::Relaxed)),
            Decision::Stray => drop(totals.stray.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Gives a frame to the card that it is for.
    fn deliver(&self, from: usize, to: usize, frame: &[u8]) {
        let index = self.shared.layout.link(from, to);
        let link = self.shared.totals.link(index);
        if write(&self.cards[to], frame).is_ok() {
            link.forwarded.add(frame.len() - HEADER_BYTES);
            self.write_down(Passage::Delivered, index, frame);
        } else {
            link.overrun.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A rule took a frame.
    fn lose(&self, from: usize, to: usize, frame: &[u8]) {
        let index = self.shared.layout.link(from, to);
        self.shared
            .totals
            .link(index)
            .dropped
            .add(frame.len() - HEADER_BYTES);
        self.write_down(Passage::Dropped, index, frame);
    }

    fn write_down(&self, passage: Passage, link: usize, frame: &[u8]) {
        if let Some(capture) = &self.table.capture {
            capture.take(passage, link, frame);
        }
    }

    /// Sends the packets of the frame in the buffer through the rules that they match, one by one.
    fn shape(&mut self, from: usize, to: usize, packet: &Packet, length: usize) {
        // What is due goes first: nothing may overtake it.
        self.release();
        let now = now();
        let link = self.shared.layout.link(from, to);
        let buffer = std::mem::take(&mut self.buffer);
        let mut scratch = std::mem::take(&mut self.scratch);
        let Scratch {
            shapers,
            segment,
            trips,
        } = &mut scratch;
        self.table.shapers(link, packet, shapers);
        let frame = &buffer[..length];
        match Segments::of(frame) {
            None => {
                travel(shapers, now, length - HEADER_BYTES, trips);
                self.send(from, to, now, frame, trips);
            }
            Some(segments) => {
                for index in 0..segments.count() {
                    segments.write(frame, index, segment);
                    travel(shapers, now, segment.len() - HEADER_BYTES, trips);
                    self.send(from, to, now, segment, trips);
                }
            }
        }
        shapers.clear();
        self.scratch = scratch;
        self.buffer = buffer;
    }

    /// Sends one packet on its trips: now, or when it is due.
    fn send(&mut self, from: usize, to: usize, now: u64, frame: &[u8], trips: &mut Vec<Trip>) {
        if trips.is_empty() {
            self.lose(from, to, frame);
        }
        for trip in trips.drain(..) {
            if trip.due <= now && trip.flips.is_empty() {
                self.deliver(from, to, frame);
                continue;
            }
            let frame = turned(frame, &trip.flips);
            if trip.due <= now {
                self.deliver(from, to, &frame);
            } else if let Err(left) = self.queue.push(Waiting {
                trip,
                from,
                to,
                frame,
            }) {
                left.trip.overflowed(left.frame.len() - HEADER_BYTES);
                self.lose(from, to, &left.frame);
            }
        }
    }

    fn answer(&self, to: usize, request: &ArpRequest, owner: Mac) {
        let reply = arp_reply(request, owner);
        let mut frame = [0; HEADER_BYTES + 42];
        frame[HEADER_BYTES..].copy_from_slice(&reply);
        if write(&self.cards[to], &frame).is_ok() {
            self.shared.totals.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A copy of a packet with these bits turned over.
fn turned(frame: &[u8], flips: &[u64]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if !flips.is_empty() {
        complete(&mut frame);
        for &random in flips {
            turn_over(&mut frame, random);
        }
    }
    frame
}
