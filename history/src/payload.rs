//! A record's bytes: the value as 8 big-endian bytes, then padding that follows from it.
//!
//! Written by the clients of workloads, read by them and by whoever reads a replica's own copy.

use crate::header::Value;

/// Set in the value of a record whose bytes nobody of this run wrote: its first 8 bytes, or as many as it has,
/// are the rest. Real values are dense and never come near.
pub const FOREIGN: Value = 1 << 63;

/// The bytes of a value, `size` of them, at least 8.
pub fn encode(value: Value, size: usize) -> Vec<u8> {
    let mut bytes = value.to_be_bytes().to_vec();
    bytes.resize(size.max(bytes.len()), padding(value));
    bytes
}

/// The value that a record carries; `None` for an empty one, which no client of a workload writes. Bytes that no
/// value encodes to give a value with [`FOREIGN`] set, so that the record shows up as one that nobody wrote.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    let length = bytes.len().min(8);
    if length == 0 {
        return None;
    }
    let mut head = [0; 8];
    head[8 - length..].copy_from_slice(&bytes[..length]);
    let value = Value::from_be_bytes(head);
    let whole = length == 8 && bytes[8..].iter().all(|byte| *byte == padding(value));
    Some(if whole { value } else { value | FOREIGN })
}

fn padding(value: Value) -> u8 {
    value as u8 ^ 0xa5
}

#[cfg(test)]
mod tests {
    use super::{FOREIGN, decode, encode};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in 0..FOREIGN, size in 0_usize..100) {
            let bytes = encode(value, size);
            prop_assert_eq!(bytes.len(), size.max(8));
            prop_assert_eq!(decode(&bytes), Some(value));
        }

        #[test]
        fn a_changed_byte_of_the_padding_is_foreign(value in 0..FOREIGN, at in 8_usize..64, bit in 0_u8..8) {
            let mut bytes = encode(value, 64);
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes), Some(value | FOREIGN));
        }
    }

    #[test]
    fn an_empty_record_carries_nothing_and_a_short_one_is_foreign() {
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[7]), Some(FOREIGN | 7));
    }
}
