//! Sums of what passes by.

use std::io::{Read, Result};

use sha2::{Digest, Sha256};

/// Reads what another gives, and sums it up.
pub struct Summed<R> {
    inner: R,
    sum: Sha256,
    bytes: u64,
}

impl<R: Read> Summed<R> {
    /// Nothing has passed yet.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            sum: Sha256::new(),
            bytes: 0,
        }
    }

    /// How much passed, and its sum in hexadecimal digits.
    pub fn finish(self) -> (u64, String) {
        use std::fmt::Write;
        let digits = self.sum.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        (self.bytes, digits)
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let read = self.inner.read(into)?;
        self.sum.update(&into[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
