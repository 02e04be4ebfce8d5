//! The header before each frame, `struct virtio_net_hdr`, and what it puts off: checksums.

use crate::card::HEADER_BYTES;
use crate::frame::ETHERNET_BYTES;

/// The checksum of what the frame carries is not complete.
const NEEDS_CHECKSUM: u8 = 1;
/// Somebody has looked at the checksum already.
#[cfg(test)]
pub(crate) const CHECKED: u8 = 2;
/// The frame is many TCP segments over IPv4…
const SEGMENTS_TCP4: u8 = 1;
/// …and this may be set beside, where congestion was told.
const SEGMENTS_ECN: u8 = 0x80;

const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;

/// Whether the sender left the checksum to the card.
pub(crate) fn lacks_checksum(frame: &[u8]) -> bool {
    frame[0] & NEEDS_CHECKSUM != 0
}

/// How many bytes of payload each segment of the frame has, where it is many segments in one.
pub(crate) fn segment_bytes(frame: &[u8]) -> Option<usize> {
    let size = u16::from_ne_bytes([frame[4], frame[5]]);
    (frame[1] & !SEGMENTS_ECN == SEGMENTS_TCP4 && size > 0).then_some(usize::from(size))
}

/// Makes a frame, header included, one that nothing is put off of and that nobody has looked at yet.
///
/// A receiver believes a frame whose header says that its checksum is still to come, or was looked at: neither may
/// stand over one whose bytes are changed afterwards.
pub(crate) fn complete(frame: &mut [u8]) {
    let lacking = lacks_checksum(frame);
    frame[..HEADER_BYTES].fill(0);
    if lacking {
        complete_checksum(&mut frame[HEADER_BYTES + ETHERNET_BYTES..]);
    }
}

/// Computes the checksum of the TCP or UDP in an IPv4 packet anew.
pub(crate) fn complete_checksum(packet: &mut [u8]) {
    let header_bytes = usize::from(packet[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    let protocol = packet[9];
    let at = match protocol {
        PROTOCOL_TCP => 16,
        PROTOCOL_UDP => 6,
        _ => return,
    };
    if total < header_bytes + at + 2 {
        return;
    }
    let addresses = sum(&packet[12..20]);
    let body = &mut packet[header_bytes..total];
    body[at..at + 2].fill(0);
    let pseudo = addresses + u64::from(protocol) + body.len() as u64;
    let mut checksum = !fold(pseudo + sum(body));
    if protocol == PROTOCOL_UDP && checksum == 0 {
        // Zero says that there is none; the sum of all ones is the same number.
        checksum = 0xffff;
    }
    body[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Turns over one bit of what a frame carries, which `random` chooses: of TCP's or UDP's payload where there is any,
/// otherwise of all that IPv4 carries. The frame must be [`complete`], so that its checksum tells.
pub(crate) fn turn_over(frame: &mut [u8], random: u64) {
    let packet = &mut frame[HEADER_BYTES + ETHERNET_BYTES..];
    let header_bytes = usize::from(packet[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    let protocol = packet[9];
    let Some(body) = packet.get_mut(header_bytes..total) else {
        return;
    };
    let inner_header = match protocol {
        PROTOCOL_TCP => body.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4),
        PROTOCOL_UDP => 8,
        _ => 0,
    };
    let from = if inner_header < body.len() {
        inner_header
    } else {
        0
    };
    let bits = (body.len() - from) as u64 * 8;
    if bits > 0 {
        let bit = (random % bits) as usize;
        body[from + bit / 8] ^= 1 << (bit % 8);
    }
}

/// Computes the checksum of an IPv4 header anew.
pub(crate) fn complete_ip_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let checksum = !fold(sum(header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
}

/// The sum of the big-endian 16-bit numbers, with zero after an odd end, before it is folded. Of what is summed in
/// pieces each but the last must have an even length.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    // Four bytes at a time, whose carries have room above them.
    let (quads, rest) = bytes.as_chunks::<4>();
    let whole: u64 = quads
        .iter()
        .map(|quad| u64::from(u32::from_be_bytes(*quad)))
        .sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    whole + u64::from(u32::from_be_bytes(last))
}

/// A sum as the 16-bit number that stands for it.
pub(crate) fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::address::Port;
    use crate::frame::tests::{ipv4_frame, tcp_frame};
    use proptest::prelude::*;

    /// Whether the checksum of the TCP or UDP in an Ethernet frame is right: the sum over everything is all ones.
    pub(crate) fn is_intact(frame: &[u8]) -> bool {
        let packet = &frame[ETHERNET_BYTES..];
        let header_bytes = usize::from(packet[0] & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
        let body = &packet[header_bytes..total];
        let pseudo = sum(&packet[12..20]) + u64::from(packet[9]) + body.len() as u64;
        fold(sum(&packet[..header_bytes])) == 0xffff && fold(pseudo + sum(body)) == 0xffff
    }

    /// A frame with a virtio header that leaves the checksum to the card.
    pub(crate) fn unfinished(frame: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[0] = NEEDS_CHECKSUM;
        bytes.extend(frame);
        let length = (frame.len() - ETHERNET_BYTES) as u16;
        let packet = &mut bytes[HEADER_BYTES + ETHERNET_BYTES..];
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        complete_ip_checksum(&mut packet[..20]);
        bytes
    }

    #[test]
    fn the_example_of_the_standard_sums_up() {
        // RFC 1071, section 3.
        assert_eq!(
            fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])),
            0xddf2
        );
    }

    proptest! {
        #[test]
        fn summing_in_fours_is_summing_in_twos(bytes: Vec<u8>) {
            let twos = bytes.chunks(2).map(|pair| {
                u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
            });
            prop_assert_eq!(fold(sum(&bytes)), fold(twos.sum()));
        }
    }

    #[test]
    fn a_completed_frame_is_intact_and_puts_nothing_off() {
        for bytes in [0, 1, 2, 3, 1000, 1459] {
            let mut frame = unfinished(&tcp_frame(Port::node(1), Port::node(2), 9092, 40_000, bytes));
            assert!(
                lacks_checksum(&frame) && !is_intact(&frame[HEADER_BYTES..]),
                "{bytes}"
            );
            frame[0] |= CHECKED;
            complete(&mut frame);
            assert_eq!(frame[..HEADER_BYTES], [0; HEADER_BYTES]);
            assert!(is_intact(&frame[HEADER_BYTES..]), "{bytes}");
        }
    }

    #[test]
    fn a_bit_that_is_turned_over_breaks_the_checksum_and_no_header() {
        for random in 0..2000 {
            for (bytes, from) in [(100, 54), (0, 34)] {
                let mut frame = unfinished(&tcp_frame(Port::node(1), Port::node(2), 9092, 40_000, bytes));
                frame[HEADER_BYTES + 46] = 5 << 4;
                complete(&mut frame);
                let before = frame.clone();
                turn_over(&mut frame, random);
                assert!(!is_intact(&frame[HEADER_BYTES..]), "{random}");
                assert_eq!(frame[..HEADER_BYTES + from], before[..HEADER_BYTES + from]);
                let turned = frame
                    .iter()
                    .zip(&before)
                    .map(|(one, other)| (one ^ other).count_ones());
                assert_eq!(turned.sum::<u32>(), 1);
            }
        }
    }

    #[test]
    fn a_datagrams_checksum_is_never_zero() {
        let (from, to) = (Port::node(1), Port::node(2));
        let ips = (from.data().expect("data"), to.data().expect("data"));
        for last in 0..=u16::MAX {
            let mut body = [0, 1, 0, 2, 0, 10, 0, 0, 0, 0];
            body[8..].copy_from_slice(&last.to_be_bytes());
            let mut frame = unfinished(&ipv4_frame((from.mac(), to.mac()), ips, PROTOCOL_UDP, &body));
            complete(&mut frame);
            let checksum = &frame[HEADER_BYTES + ETHERNET_BYTES + 26..][..2];
            assert_ne!(checksum, [0, 0], "{last}");
        }
    }
}
