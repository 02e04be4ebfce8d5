//! What the targets have in common: a history is read in two ways, which must agree.

use std::io::Cursor;
use std::ops::ControlFlow;

use history::foreign::{ForeignSource, write_edn, write_elle_json};
use history::{Event, Format, ReadError, Reading, Scanned, Source};

/// Blocks of so many bytes, by one thread: what threads do is up to the machine, and no finding could be repeated.
pub fn blocks(bytes: usize) -> Reading {
    Reading {
        block_bytes: bytes,
        threads: 1,
    }
}

/// All events of a source, and what its walk came through.
pub fn walked(source: &mut dyn Source) -> Result<(Vec<Event>, Scanned), ReadError> {
    let mut events = Vec::new();
    let scanned = source.scan(&mut |stretch| {
        events.extend_from_slice(stretch);
        ControlFlow::Continue(())
    })?;
    assert_eq!(scanned.events, events.len() as u64);
    Ok((events, scanned))
}

/// Reads a foreign history at once and in pieces, and what it writes of it again.
pub fn foreign(format: Format, bytes: &[u8]) {
    let open =
        |block: usize| ForeignSource::with(Cursor::new(bytes), format, blocks(block)).expect("it is foreign");
    let mut source = open(1 << 16);
    let whole = walked(&mut source);
    let pieces = walked(&mut open(1));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            assert_eq!(walked(&mut source).expect("it could be read before"), whole);
            written(&mut source, whole.0.len());
        }
        (Err(whole), Err(pieces)) => assert_eq!(whole.to_string(), pieces.to_string()),
        (whole, pieces) => panic!("{whole:?}, but in pieces {pieces:?}"),
    }
}

/// What is written of a history reads back with as many events.
fn written(source: &mut dyn Source, events: usize) {
    let mut text = Vec::new();
    write_edn(source, &mut text).expect("memory takes all");
    reads_back(Format::JepsenEdn, text, events);
    let mut text = Vec::new();
    write_elle_json(source, &mut text).expect("memory takes all");
    reads_back(Format::ElleJson, text, events);
}

fn reads_back(format: Format, text: Vec<u8>, events: usize) {
    let mut source = ForeignSource::new(Cursor::new(&text), format).expect("it is foreign");
    let (read, scanned) =
        walked(&mut source).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
    assert_eq!(
        (read.len(), scanned.skipped, scanned.truncated),
        (events, 0, false)
    );
}
