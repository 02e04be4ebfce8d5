//! What Tribunal and the agent of a container say to each other: lists of byte strings, each with its length in front, and the length
//! of all before them.
//!
//! Both sides are built with this file.

use std::io::{self, Read, Write};

/// What a message may hold at most.
const MESSAGE_MAX: usize = 16 << 20;

/// A message: a request, or an answer.
pub(crate) type Message = Vec<Vec<u8>>;

/// Reads a message; nothing where the connection has ended.
pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Message>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MESSAGE_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    let (mut rest, mut fields) = (body.as_slice(), Message::new());
    while let Some((size, behind)) = rest.split_first_chunk::<4>() {
        let parted = behind.split_at_checked(u32::from_le_bytes(*size) as usize);
        let (field, behind) = parted.ok_or_else(|| io::Error::other("a message is cut off"))?;
        fields.push(field.to_vec());
        rest = behind;
    }
    Ok(Some(fields))
}

/// Writes a message at once.
pub(crate) fn write(to: &mut impl Write, fields: &[impl AsRef<[u8]>]) -> io::Result<()> {
    let mut body = Vec::new();
    for field in fields {
        body.extend_from_slice(&length(field.as_ref())?);
        body.extend_from_slice(field.as_ref());
    }
    let mut whole = length(&body)?.to_vec();
    whole.append(&mut body);
    to.write_all(&whole)
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(length.to_le_bytes())
}
