//! Lines of a program that is not trusted: none is longer than a limit.

use std::io::{BufRead, BufReader, Read};

/// The longest line.
pub(super) const LINE_MAX: usize = 16 << 20;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, without its end.
    Line(Vec<u8>),
    /// More than a line may have, and no end of it.
    TooLong,
    /// Nothing more.
    End,
}

/// Lines of at most `most` bytes each.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    most: usize,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R, most: usize) -> Self {
        Self {
            reader: BufReader::new(reader),
            most,
        }
    }

    /// The next line. What was cut off by the end is none.
    pub(super) fn next(&mut self) -> Next {
        let mut line = Vec::new();
        loop {
            let Ok(ready) = self.reader.fill_buf() else {
                return Next::End;
            };
            if ready.is_empty() {
                return Next::End;
            }
            let end = ready.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(ready.len());
            if line.len() + taken > self.most {
                return Next::TooLong;
            }
            line.extend_from_slice(&ready[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Next::Line(line);
            }
        }
    }

    /// Reads on and keeps nothing, so that whoever writes is not held up.
    pub(super) fn drain(mut self) {
        let _ = std::io::copy(&mut self.reader, &mut std::io::sink());
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Next};

    #[test]
    fn lines_end_and_none_is_longer_than_the_limit() {
        let mut lines = Lines::new(&b"one\n\nthree\nfour4\nand more"[..], 5);
        for expected in ["one", "", "three", "four4"] {
            assert_eq!(lines.next(), Next::Line(expected.into()));
        }
        assert_eq!(lines.next(), Next::TooLong);
        assert_eq!(Lines::new(&b"cut"[..], 5).next(), Next::End);
    }
}
