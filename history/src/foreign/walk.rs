//! One walk through a foreign history.

use std::io::Read;
use std::ops::ControlFlow;

use memchr::memchr;

use crate::event::Event;
use crate::foreign::lexer::{Lexer, Next};
use crate::foreign::names::Numbers;
use crate::foreign::operation::Operations;
use crate::foreign::tape::{Bad, Tape};
use crate::foreign::window::Window;
use crate::read::ReadError;
use crate::source::Scanned;

/// Events shown at a time, unless they are long.
const STRETCH: usize = 1024;
/// How much of the file is shown at a time, about.
const STRETCH_BYTES: usize = 1 << 20;

/// Shows all events, until the end or until `visit` breaks off.
pub fn walk(
    window: Window<impl Read>,
    lexer: &mut impl Lexer,
    numbers: &mut Numbers,
    visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>,
) -> Result<Scanned, ReadError> {
    let mut walk = Walk {
        window,
        tape: Tape::default(),
        operations: Operations::default(),
        stretch: Vec::with_capacity(STRETCH),
        stretch_bytes: 0,
        events: 0,
        forms: 0,
        broken_lines: false,
    };
    let truncated = loop {
        match walk.step(lexer, numbers)? {
            ControlFlow::Break(truncated) => break truncated,
            ControlFlow::Continue(())
                if walk.stretch.len() < STRETCH && walk.stretch_bytes < STRETCH_BYTES => {}
            ControlFlow::Continue(()) => {
                if walk.show(visit).is_break() {
                    break false;
                }
            }
        }
    };
    // Whoever breaks off has seen enough, and there is nothing left to show then.
    let _ = walk.show(visit);
    Ok(Scanned {
        events: walk.events,
        skipped: walk.operations.skipped,
        truncated,
    })
}

struct Walk<R> {
    window: Window<R>,
    tape: Tape,
    operations: Operations,
    stretch: Vec<Event>,
    /// What the stretch's events took in the file.
    stretch_bytes: usize,
    events: u64,
    forms: u64,
    /// Some operation went over several lines.
    broken_lines: bool,
}

impl<R: Read> Walk<R> {
    /// Takes one thing in. Breaks at the end, with whether the history was cut off there.
    fn step(
        &mut self,
        lexer: &mut impl Lexer,
        numbers: &mut Numbers,
    ) -> Result<ControlFlow<bool>, ReadError> {
        let text = self.window.text();
        let next = lexer.next(text, self.window.is_last(), &mut self.tape);
        match next.map_err(|bad| self.window.error(&bad))? {
            Next::Form { from, to } => {
                let event = self.operations.event(self.tape.form(text), numbers);
                self.forms += 1;
                self.broken_lines |= memchr(b'\n', &text[from..to]).is_some();
                self.stretch.extend(event.map_err(|bad| self.window.error(&bad))?);
                self.stretch_bytes += to - from;
                self.window.consume(to);
            }
            Next::Nothing { to } => self.window.consume(to),
            Next::More { from } => {
                self.window.consume(from);
                self.window.fill()?;
            }
            Next::Cut { from } => return self.cut(from).map(ControlFlow::Break),
            Next::End if self.window.is_of_nothing() => return Err(ReadError::Empty),
            Next::End => return Ok(ControlFlow::Break(lexer.is_inside())),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The file ends within an operation: whoever wrote it was cut off. But where each of the others stands in
    /// one line, and this one does not, something is missing further up, and what follows was not read.
    fn cut(&self, from: usize) -> Result<bool, ReadError> {
        let rest = self.window.text()[from..].trim_ascii_end();
        if self.forms > 0 && !self.broken_lines && rest.contains(&b'\n') {
            let bad = Bad::new(from, "the operation that begins here has no end");
            return Err(self.window.error(&bad));
        }
        Ok(true)
    }

    fn show(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> ControlFlow<()> {
        if self.stretch.is_empty() {
            return ControlFlow::Continue(());
        }
        self.events += self.stretch.len() as u64;
        let flow = visit(&self.stretch);
        self.stretch.clear();
        self.stretch_bytes = 0;
        flow
    }
}
