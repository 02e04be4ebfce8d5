//! Bytes read one after another, never past their end.

use uuid::Uuid;

/// What was expected of bytes and is not there. Whoever knows file and place adds them.
pub(super) type Wrong = String;

/// A place in some bytes.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'bytes> {
    rest: &'bytes [u8],
}

impl<'bytes> Cursor<'bytes> {
    pub(super) fn new(bytes: &'bytes [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'bytes [u8], Wrong> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(format!("{length} bytes where {} are left", self.rest.len()));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Wrong> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(format!("{LENGTH} bytes where {} are left", self.rest.len()));
        };
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Wrong> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn i16(&mut self) -> Result<i16, Wrong> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, Wrong> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, Wrong> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, Wrong> {
        Ok(Uuid::from_bytes(self.array()?))
    }

    /// An unsigned number of a variable length, seven bits a byte, the lowest first.
    pub(super) fn unsigned(&mut self) -> Result<u64, Wrong> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number of variable length that does not end".to_owned())
    }

    /// A signed number of a variable length: zigzag, as records have it.
    pub(super) fn signed(&mut self) -> Result<i64, Wrong> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The bytes after a signed length; none where that is −1.
    pub(super) fn sized(&mut self) -> Result<Option<&'bytes [u8]>, Wrong> {
        match self.signed()? {
            -1 => Ok(None),
            length => {
                let size = usize::try_from(length).map_err(|_| format!("a length of {length}"))?;
                self.take(size).map(Some)
            }
        }
    }

    /// A length of the compact kind, which is one more than it says, as messages have it; none where that is 0.
    pub(super) fn compact_length(&mut self) -> Result<Option<usize>, Wrong> {
        let plus_one = self.unsigned()?;
        let length = plus_one.checked_sub(1).map(usize::try_from).transpose();
        let length = length.map_err(|_| format!("a length of {plus_one}"))?;
        match length {
            // Whatever is counted takes a byte at least.
            Some(length) if length > self.left() => Err(format!(
                "a length of {length} where {} bytes are left",
                self.left()
            )),
            length => Ok(length),
        }
    }

    /// A text of the compact kind.
    pub(super) fn compact_text(&mut self) -> Result<&'bytes str, Wrong> {
        let length = self.compact_length()?.ok_or("no text where one has to be")?;
        std::str::from_utf8(self.take(length)?).map_err(|error| format!("a text that is none: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length() {
        for (bytes, expected) in [
            (&[0][..], 0),
            (&[1], -1),
            (&[2], 1),
            (&[0xac, 0x02], 150),
            (
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                i64::MAX,
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                i64::MIN,
            ),
        ] {
            assert_eq!(Cursor::new(bytes).signed(), Ok(expected));
        }
    }

    #[test]
    fn what_does_not_end_or_is_too_long_is_wrong() {
        assert!(Cursor::new(&[0xff; 11]).unsigned().is_err());
        assert!(Cursor::new(&[0x80]).unsigned().is_err());
        assert!(Cursor::new(&[0x09, 1]).compact_text().is_err());
        assert!(Cursor::new(&[0x0a, 1]).sized().is_err());
        assert_eq!(Cursor::new(&[0x01, 1]).sized(), Ok(None));
    }
}
