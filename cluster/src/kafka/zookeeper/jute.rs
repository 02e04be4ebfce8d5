//! How `ZooKeeper` writes what it says: numbers in network order, and texts and buffers after their lengths.

use bytes::{Buf, BufMut as _, Bytes, BytesMut};

use crate::kafka::wire::WireError;

/// What is known of a node of the tree beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// The session that it ends with; none where it stays.
    pub(super) session: Option<i64>,
}

/// An answer that is read from its front.
pub(super) struct Reader(Bytes);

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn int(&mut self) -> Result<i32, WireError> {
        self.0.try_get_i32().map_err(|_| short())
    }

    pub(super) fn long(&mut self) -> Result<i64, WireError> {
        self.0.try_get_i64().map_err(|_| short())
    }

    /// Bytes after their number; one that is negative stands for none.
    pub(super) fn buffer(&mut self) -> Result<Bytes, WireError> {
        let length = usize::try_from(self.int()?).unwrap_or(0);
        if length > self.0.len() {
            return Err(short());
        }
        Ok(self.0.split_to(length))
    }

    pub(super) fn text(&mut self) -> Result<String, WireError> {
        let bytes = self.buffer()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| WireError::Protocol("a text is not UTF-8".to_owned()))
    }

    pub(super) fn texts(&mut self) -> Result<Vec<String>, WireError> {
        let count = self.int()?;
        // Each has a length at least, so a hostile number ends with the bytes.
        (0..count.max(0)).map(|_| self.text()).collect()
    }

    pub(super) fn stat(&mut self) -> Result<Stat, WireError> {
        // czxid, mzxid, ctime and mtime; then three versions.
        for _ in 0..4 {
            self.long()?;
        }
        for _ in 0..3 {
            self.int()?;
        }
        let owner = self.long()?;
        Ok(Stat {
            session: (owner != 0).then_some(owner),
        })
    }
}

fn short() -> WireError {
    WireError::Protocol("an answer of ZooKeeper ends too early".to_owned())
}

/// A message with its length before it, to which its parts are added.
pub(super) struct Writer(BytesMut);

impl Writer {
    pub(super) fn new() -> Self {
        Self(BytesMut::from([0; 4].as_slice()))
    }

    pub(super) fn int(mut self, value: i32) -> Self {
        self.0.put_i32(value);
        self
    }

    pub(super) fn long(mut self, value: i64) -> Self {
        self.0.put_i64(value);
        self
    }

    pub(super) fn flag(mut self, value: bool) -> Self {
        self.0.put_u8(value.into());
        self
    }

    pub(super) fn buffer(mut self, value: &[u8]) -> Self {
        self.0.put_i32(value.len() as i32);
        self.0.put_slice(value);
        self
    }

    pub(super) fn finish(mut self) -> BytesMut {
        let length = self.0.len() as u32 - 4;
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let message = Writer::new().int(-7).long(1 << 40).buffer(b"/brokers").finish();
        let mut reader = Reader::new(message.freeze());
        assert_eq!(reader.int(), Ok(20 + 4));
        assert_eq!(reader.int(), Ok(-7));
        assert_eq!(reader.long(), Ok(1 << 40));
        assert_eq!(reader.text(), Ok("/brokers".to_owned()));
        assert_eq!(reader.int(), Err(short()));
    }

    #[test]
    fn lengths_that_are_not_there_are_errors() {
        let of = |bytes: &'static [u8]| Reader::new(Bytes::from_static(bytes));
        assert_eq!(of(&[0x7f, 0xff, 0xff, 0xff]).buffer(), Err(short()));
        assert_eq!(of(&[0xff; 4]).buffer(), Ok(Bytes::new()));
        assert_eq!(of(&[0x7f, 0xff, 0xff, 0xff, 0]).texts(), Err(short()));
        assert_eq!(of(&[0; 20]).stat(), Err(short()));
    }
}
