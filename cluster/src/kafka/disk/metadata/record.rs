//! Records of the metadata log, as far as they are about partitions.
//!
//! A record is a frame (version of the frame, kind of the record, version of the record) and a message of Kafka's flexible
//! kind. Source: `MetadataRecordSerde`, and `PartitionRecord.json` and its like in Kafka's metadata module.

use uuid::Uuid;

use crate::kafka::disk::cursor::{Cursor, Wrong};

/// The one version of frames.
const FRAME: u64 = 1;
/// The newest version of partitions' records that is known: what a newer one adds may lie anywhere.
const PARTITION_NEWEST: u64 = 2;

/// A record that changes what is known of partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'bytes> {
    /// `TopicRecord`: a topic was made.
    Topic { name: &'bytes str, id: Uuid },
    /// `RemoveTopicRecord`: a topic was removed, with its partitions.
    RemoveTopic { id: Uuid },
    /// `PartitionRecord`: all of a partition's state.
    Partition(Partition),
    /// `PartitionChangeRecord`: what changed.
    Change(Partition),
    /// `ClearElrRecord`: a topic's eligible leaders were forgotten; those of all where it is empty.
    ClearElr { topic: &'bytes str },
    /// `BeginTransactionRecord`: what follows happens together or not at all.
    Begin,
    /// `EndTransactionRecord`
    End,
    /// `AbortTransactionRecord`
    Abort,
    /// Anything else.
    Other,
}

/// State of a partition, or what changed of it: what did not is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    pub number: i32,
    pub topic: Uuid,
    pub isr: Option<Vec<i32>>,
    pub leader: Option<i32>,
    pub recovering: Option<bool>,
    /// The leader's epoch. In whole states alone.
    pub epoch: i32,
    /// The partition's epoch, likewise.
    pub version: i32,
    pub elr: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

/// Reads one record.
pub fn read(bytes: &[u8]) -> Result<Decision<'_>, Wrong> {
    let mut cursor = Cursor::new(bytes);
    let frame = cursor.unsigned()?;
    if frame != FRAME {
        return Err(format!("a frame of version {frame}: only {FRAME} is known"));
    }
    let (kind, version) = (cursor.unsigned()?, cursor.unsigned()?);
    let cursor = &mut cursor;
    match kind {
        2 => known("TopicRecord", version, 0).and_then(|()| {
            let name = cursor.compact_text()?;
            let id = cursor.uuid()?;
            Ok(Decision::Topic { name, id })
        }),
        3 => known("PartitionRecord", version, PARTITION_NEWEST)
            .and_then(|()| whole(cursor, version).map(Decision::Partition)),
        5 => known("PartitionChangeRecord", version, PARTITION_NEWEST)
            .and_then(|()| change(cursor).map(Decision::Change)),
        9 => known("RemoveTopicRecord", version, 0)
            .and_then(|()| Ok(Decision::RemoveTopic { id: cursor.uuid()? })),
        23 => Ok(Decision::Begin),
        24 => Ok(Decision::End),
        25 => Ok(Decision::Abort),
        28 => known("ClearElrRecord", version, 0).and_then(|()| {
            Ok(Decision::ClearElr {
                topic: cursor.compact_text()?,
            })
        }),
        _ => Ok(Decision::Other),
    }
}

fn known(name: &str, version: u64, newest: u64) -> Result<(), Wrong> {
    if version > newest {
        return Err(format!(
            "a {name} of version {version}: none after {newest} is known"
        ));
    }
    Ok(())
}

fn whole(cursor: &mut Cursor<'_>, version: u64) -> Result<Partition, Wrong> {
    let mut state = Partition {
        number: cursor.i32()?,
        topic: cursor.uuid()?,
        ..Partition::default()
    };
    let _replicas = nodes(cursor)?;
    state.isr = Some(nodes(cursor)?.ok_or("no ISR")?);
    let _removing = nodes(cursor)?;
    let _adding = nodes(cursor)?;
    state.leader = Some(cursor.i32()?);
    state.epoch = cursor.i32()?;
    state.version = cursor.i32()?;
    if version >= 1 {
        for _ in 0..cursor.compact_length()?.unwrap_or_default() {
            cursor.uuid()?;
        }
    }
    state.recovering = Some(false);
    tagged(cursor, |tag, field| {
        match tag {
            0 => state.recovering = Some(field.u8()? != 0),
            1 => state.elr = nodes(field)?,
            2 => state.last_known_elr = nodes(field)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(state)
}

fn change(cursor: &mut Cursor<'_>) -> Result<Partition, Wrong> {
    /// The leader of a change that changes none.
    const SAME: i32 = -2;

    let mut state = Partition {
        number: cursor.i32()?,
        topic: cursor.uuid()?,
        ..Partition::default()
    };
    tagged(cursor, |tag, field| {
        match tag {
            0 => state.isr = nodes(field)?,
            1 => state.leader = Some(field.i32()?).filter(|leader| *leader != SAME),
            5 => state.recovering = recovery(field.u8()? as i8),
            6 => state.elr = nodes(field)?,
            7 => state.last_known_elr = nodes(field)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(state)
}

/// Whether a leader is recovering, where that changed.
fn recovery(state: i8) -> Option<bool> {
    (state >= 0).then_some(state == 1)
}

/// Numbers of nodes; none where the list is null.
fn nodes(cursor: &mut Cursor<'_>) -> Result<Option<Vec<i32>>, Wrong> {
    let Some(length) = cursor.compact_length()? else {
        return Ok(None);
    };
    (0..length)
        .map(|_| cursor.i32())
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The tagged fields at the end of a message.
fn tagged(
    cursor: &mut Cursor<'_>,
    mut visit: impl FnMut(u64, &mut Cursor<'_>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    for _ in 0..cursor.unsigned()? {
        let tag = cursor.unsigned()?;
        let size = cursor.unsigned()?;
        let size = usize::try_from(size).map_err(|_| format!("a field of {size} bytes"))?;
        visit(tag, &mut Cursor::new(cursor.take(size)?))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 16] = [7; 16];

    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn a_topic() {
        let record = bytes(&[&[1, 2, 0, 4], b"log", &ID, &[0]]);
        let id = Uuid::from_bytes(ID);
        assert_eq!(read(&record), Ok(Decision::Topic { name: "log", id }));
    }

    #[test]
    fn a_change_of_leader_isr_and_elr() {
        let partition = 3_i32.to_be_bytes();
        let isr = [0, 5, 2, 0, 0, 0, 2];
        let leader = [1, 4, 0xff, 0xff, 0xff, 0xff];
        let elr = [6, 9, 3, 0, 0, 0, 1, 0, 0, 0, 3];
        let record = bytes(&[&[1, 5, 2], &partition, &ID, &[4], &isr, &leader, &[5, 1, 1], &elr]);
        let expected = Partition {
            number: 3,
            topic: Uuid::from_bytes(ID),
            isr: Some(vec![2]),
            leader: Some(-1),
            recovering: Some(true),
            elr: Some(vec![1, 3]),
            ..Partition::default()
        };
        assert_eq!(read(&record), Ok(Decision::Change(expected)));
    }

    #[test]
    fn what_is_not_known_or_lies_is_wrong() {
        assert!(read(&[0, 3, 0]).is_err());
        assert!(read(&bytes(&[&[1, 5, 3], &[0; 4], &ID, &[0]])).is_err());
        assert!(read(&bytes(&[&[1, 5, 2], &[0; 4], &ID, &[1, 0, 0xff, 0xff, 0x7f]])).is_err());
        assert!(read(&[1, 2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_err());
        assert_eq!(read(&[1, 20, 0]), Ok(Decision::Other));
    }
}
