//! The switch's thread: frames in, frames out.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::unistd::{read, write};

use crate::address::Mac;
use crate::card::HEADER_BYTES;
use crate::frame::{ArpRequest, arp_reply, parse};
use crate::switch::Shared;
use crate::table::{Decision, Table, decide};

/// Frames taken from one port before the next one has its turn and new rules are looked for.
const BATCH_FRAMES: usize = 64;

/// Room for the largest frame that a card hands over: 64 KiB of segments and their headers.
const FRAME_BYTES_MAX: usize = 80 * 1024;

/// Events taken at once.
const EVENTS: usize = 64;

/// The number of the event that wakes the thread without a frame; the others are ports.
const WAKE: u64 = u64::MAX;

/// The thread's own state.
pub(crate) struct Fabric {
    shared: Arc<Shared>,
    cards: Vec<OwnedFd>,
    epoll: Epoll,
    table: Arc<Table>,
    version: u64,
    buffer: Vec<u8>,
}

impl Fabric {
    /// Takes the cards over, one a port.
    pub(crate) fn new(shared: Arc<Shared>, cards: Vec<OwnedFd>) -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (index, card) in cards.iter().enumerate() {
            epoll.add(card, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        epoll.add(shared.wake.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        let buffer = vec![0; FRAME_BYTES_MAX];
        Ok(Self {
            shared,
            cards,
            epoll,
            table: Arc::default(),
            version: 0,
            buffer,
        })
    }

    /// Runs until the handle says stop. An error is one that leaves no switch.
    pub(crate) fn run(mut self) -> nix::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        while !self.shared.stop.load(Ordering::Acquire) {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Err(Errno::EINTR) => 0,
                result => result?,
            };
            for event in &events[..count] {
                if event.data() == WAKE {
                    // Before the rules are looked at: what comes after wakes again.
                    let _ = self.shared.wake.read();
                    self.adopt_rules();
                } else {
                    self.adopt_rules();
                    self.serve(event.data() as usize, event.events());
                }
            }
        }
        Ok(())
    }

    /// Takes new rules over, and says so to those who wait for it.
    fn adopt_rules(&mut self) {
        let version = self.shared.version.load(Ordering::Acquire);
        if version != self.version {
            self.table = self.shared.table();
            self.version = version;
            self.shared.adopted(version);
        }
    }

    /// Takes a batch of frames from a port. A port whose card is gone is served no longer.
    fn serve(&mut self, from: usize, flags: EpollFlags) {
        for _ in 0..BATCH_FRAMES {
            match read(&self.cards[from], &mut self.buffer) {
                Ok(length) if length > HEADER_BYTES => self.forward(from, length),
                Err(Errno::EINTR) => {}
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
            Decision::Forward(to) => {
                let link = totals.link(self.shared.layout.link(from, to));
                if write(&self.cards[to], &self.buffer[..length]).is_ok() {
                    link.forwarded.add(frame.len());
                } else {
                    link.overrun.fetch_add(1, Ordering::Relaxed);
                }
            }
            Decision::Drop(to) => totals
                .link(self.shared.layout.link(from, to))
                .dropped
                .add(frame.len()),
            Decision::Answer(request, owner) => self.answer(from, &request, owner),
            Decision::Foreign => drop(totals.foreign.fetch_add(1, Ordering::Relaxed)),
            Decision::Stray => drop(totals.stray.fetch_add(1, Ordering::Relaxed)),
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
