//! What passes on links, written into files that packet analysers read: classic pcap with nanoseconds.
//!
//! The switch's thread only copies into memory; a thread of the capture's own writes, so that a slow disk delays no
//! frame. What the memory or the files have no room for is counted and left out.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::address::Place;
use crate::card::HEADER_BYTES;
use crate::error::{Error, Result};
use crate::frame::ETHERNET_BYTES;
use crate::offload::{complete_checksum, lacks_checksum};
use crate::table::Layout;

/// Nanoseconds follow the seconds; and, as it is in our own byte order, in which order everything is.
const MAGIC: u32 = 0xa1b2_3c4d;
const ETHERNET: u32 = 1;
const SNAP_BYTES: u32 = 262_144;
/// How much may wait to be written.
const MEMORY_BYTES_MAX: usize = 16 << 20;
/// How often what waits is written.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// What is to be captured.
#[derive(Clone, Debug)]
pub struct CaptureSpec {
    /// The links, in both directions; every link of the data network where there are none here.
    pub links: Vec<(Place, Place)>,
    /// The file for what was delivered, as it was and when it was…
    pub delivered: PathBuf,
    /// …and for what a rule took instead.
    pub dropped: PathBuf,
    /// How large both together may become.
    pub bytes_max: u64,
}

/// What is in the files of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// Frames that were delivered.
    pub delivered: u64,
    /// Frames that a rule took.
    pub dropped: u64,
    /// Frames that there was no room for.
    pub missed: u64,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Delivered,
    Dropped,
}

/// Where the switch's thread leaves what it sees.
#[derive(Debug)]
pub(crate) struct Capture {
    /// By the index of a link.
    wanted: Vec<bool>,
    desk: Mutex<Desk>,
    ended: Condvar,
}

#[derive(Debug)]
struct Desk {
    delivered: Vec<u8>,
    dropped: Vec<u8>,
    /// What the files may still take.
    room: u64,
    report: CaptureReport,
    over: bool,
}

/// A capture that is under way; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Recording {
    capture: Arc<Capture>,
    path: PathBuf,
    writer: Option<JoinHandle<io::Result<()>>>,
}

impl Recording {
    /// Makes the files and begins to write them.
    pub(crate) fn begin(spec: &CaptureSpec, layout: &Layout) -> Result<Self> {
        let capture = Arc::new(Capture::new(spec, layout)?);
        let files = [create(&spec.delivered)?, create(&spec.dropped)?];
        let writer = thread::Builder::new()
            .name("capture".to_owned())
            .spawn({
                let capture = Arc::clone(&capture);
                move || capture.write(files)
            })
            .map_err(file_error(&spec.delivered))?;
        let (path, writer) = (spec.delivered.clone(), Some(writer));
        Ok(Self {
            capture,
            path,
            writer,
        })
    }

    /// Where the switch's thread leaves what it sees.
    pub(crate) fn capture(&self) -> Arc<Capture> {
        Arc::clone(&self.capture)
    }

    /// Writes what is left, and says what is in the files.
    pub(crate) fn end(mut self) -> Result<CaptureReport> {
        self.finish().map_err(file_error(&self.path))?;
        Ok(self.capture.desk().report)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.capture.desk().over = true;
        self.capture.ended.notify_all();
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

impl Capture {
    fn new(spec: &CaptureSpec, layout: &Layout) -> Result<Self> {
        let mut wanted = vec![spec.links.is_empty(); layout.links()];
        for &(one, other) in &spec.links {
            let (Some(from), Some(to)) = (layout.place(one), layout.place(other)) else {
                let reason = format!("capture {one}-{other}: there is no such link");
                return Err(Error::Specification { reason });
            };
            wanted[layout.link(from, to)] = true;
            wanted[layout.link(to, from)] = true;
        }
        layout.observed().for_each(|link| wanted[link] = false);
        let desk = Desk {
            delivered: global_header(),
            dropped: global_header(),
            room: spec.bytes_max,
            report: CaptureReport::default(),
            over: false,
        };
        Ok(Self {
            wanted,
            desk: Mutex::new(desk),
            ended: Condvar::new(),
        })
    }

    /// Takes a frame down, where its link is wanted.
    pub(crate) fn take(&self, passage: Passage, link: usize, frame: &[u8]) {
        if self.wanted[link] {
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.desk().take(passage, at, frame);
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of the capture's own thread. A file that cannot be written ends it; what comes then is missed.
    fn write(&self, mut files: [File; 2]) -> io::Result<()> {
        loop {
            let (desk, _) = self
                .ended
                .wait_timeout_while(self.desk(), WRITE_EVERY, |desk| !desk.over)
                .unwrap_or_else(PoisonError::into_inner);
            let mut desk = desk;
            let parts = [
                std::mem::take(&mut desk.delivered),
                std::mem::take(&mut desk.dropped),
            ];
            let over = desk.over;
            drop(desk);
            for (file, part) in files.iter_mut().zip(parts) {
                if let Err(error) = file.write_all(&part) {
                    self.desk().room = 0;
                    return Err(error);
                }
            }
            if over {
                return Ok(());
            }
        }
    }
}

impl Desk {
    fn take(&mut self, passage: Passage, at: Duration, frame: &[u8]) {
        let bytes = &frame[HEADER_BYTES..];
        let size = 16 + bytes.len();
        let waiting = self.delivered.len() + self.dropped.len();
        if self.room < size as u64 || waiting + size > MEMORY_BYTES_MAX {
            self.report.missed += 1;
            return;
        }
        self.room -= size as u64;
        let (page, count) = match passage {
            Passage::Delivered => (&mut self.delivered, &mut self.report.delivered),
            Passage::Dropped => (&mut self.dropped, &mut self.report.dropped),
        };
        *count += 1;
        let length = bytes.len() as u32;
        for number in [at.as_secs() as u32, at.subsec_nanos(), length, length] {
            page.extend_from_slice(&number.to_ne_bytes());
        }
        let start = page.len();
        page.extend_from_slice(bytes);
        if lacks_checksum(frame) {
            // The receiver's kernel knows that it was put off; who reads the file does not.
            complete_checksum(&mut page[start + ETHERNET_BYTES..]);
        }
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(file_error(path))
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}

fn global_header() -> Vec<u8> {
    let versions = [2_u16, 4].map(u16::to_ne_bytes).concat();
    let rest = [0, 0, SNAP_BYTES, ETHERNET].map(u32::to_ne_bytes).concat();
    [&MAGIC.to_ne_bytes()[..], &versions, &rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Port;
    use crate::frame::tests::tcp_frame;
    use crate::offload::tests::{is_intact, unfinished};

    fn desk(room: u64) -> Desk {
        Desk {
            delivered: Vec::new(),
            dropped: Vec::new(),
            room,
            report: CaptureReport::default(),
            over: false,
        }
    }

    #[test]
    fn a_frame_is_taken_down_with_its_time_and_its_checksum() {
        let frame = unfinished(&tcp_frame(Port::node(1), Port::node(2), 9092, 40_000, 99));
        let mut desk = desk(1000);
        desk.take(Passage::Dropped, Duration::new(7, 9), &frame);
        let number = |at: usize| u32::from_ne_bytes(desk.dropped[at..at + 4].try_into().expect("four"));
        assert_eq!([0, 4, 8, 12].map(number), [7, 9, 153, 153]);
        assert!(is_intact(&desk.dropped[16..]) && desk.delivered.is_empty());
        assert_eq!(
            desk.report,
            CaptureReport {
                dropped: 1,
                ..CaptureReport::default()
            }
        );
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let frame = unfinished(&tcp_frame(Port::node(1), Port::node(2), 9092, 40_000, 0));
        let mut desk = desk(2 * (16 + 54));
        for _ in 0..5 {
            desk.take(Passage::Delivered, Duration::ZERO, &frame);
        }
        assert_eq!(
            desk.report,
            CaptureReport {
                delivered: 2,
                dropped: 0,
                missed: 3
            }
        );
    }

    #[test]
    fn a_capture_of_all_leaves_the_side_channel_out_and_one_of_a_link_the_others() {
        let ports = [1, 2].map(|number| Port::Place(Place::Node(number)));
        let layout = Layout::new([&ports[..], &[Port::Place(Place::Clients), Port::Observer]].concat());
        let spec = |links| CaptureSpec {
            links,
            delivered: PathBuf::new(),
            dropped: PathBuf::new(),
            bytes_max: 0,
        };
        let wanted = |links| Capture::new(&spec(links), &layout).map(|capture| capture.wanted);
        let all = wanted(Vec::new()).expect("all links");
        assert!(all[layout.link(0, 2)] && !all[layout.link(0, 3)] && !all[layout.link(3, 1)]);
        let one = wanted(vec![(Place::Node(2), Place::Clients)]).expect("a link");
        let expected = [layout.link(1, 2), layout.link(2, 1)];
        let found: Vec<usize> = (0..one.len()).filter(|&link| one[link]).collect();
        assert_eq!(found, expected);
        assert!(wanted(vec![(Place::Node(7), Place::Clients)]).is_err());
    }
}
