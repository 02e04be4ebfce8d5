//! Taking apart what travels together: one frame of many TCP segments into frames of one, as a card would.

use crate::card::HEADER_BYTES;
use crate::frame::ETHERNET_BYTES;
use crate::offload::{complete_checksum, complete_ip_checksum, segment_bytes};

const PROTOCOL_TCP: u8 = 6;
/// The flags that only the last segment may carry.
const FIN_AND_PUSH: u8 = 0x01 | 0x08;
/// "Congestion window reduced", which only the first may.
const CWR: u8 = 0x80;

/// How a frame, virtio header included, is to be taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments {
    /// The bytes of Ethernet, IPv4 and TCP headers.
    headers: usize,
    ip_header: usize,
    payload: usize,
    size: usize,
}

impl Segments {
    /// Nothing where the frame is one packet already, or none that can be taken apart.
    pub(crate) fn of(frame: &[u8]) -> Option<Self> {
        let size = segment_bytes(frame)?;
        let packet = frame.get(HEADER_BYTES + ETHERNET_BYTES..)?;
        let ip_header = usize::from(packet.first()? & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
        if *packet.get(9)? != PROTOCOL_TCP || ip_header < 20 || total > packet.len() {
            return None;
        }
        let tcp_header = usize::from(packet.get(ip_header + 12)? >> 4) * 4;
        let payload = total.checked_sub(ip_header + tcp_header)?;
        (tcp_header >= 20 && payload > size).then_some(Self {
            headers: ETHERNET_BYTES + ip_header + tcp_header,
            ip_header,
            payload,
            size,
        })
    }

    /// How many there are: two at least.
    pub(crate) fn count(&self) -> usize {
        self.payload.div_ceil(self.size)
    }

    /// Writes one of them, whole and with its checksums, and with a virtio header that puts nothing off.
    pub(crate) fn write(&self, frame: &[u8], index: usize, segment: &mut Vec<u8>) {
        let from = index * self.size;
        let length = self.size.min(self.payload - from);
        let bytes = &frame[HEADER_BYTES..];
        segment.clear();
        segment.resize(HEADER_BYTES, 0);
        segment.extend_from_slice(&bytes[..self.headers]);
        segment.extend_from_slice(&bytes[self.headers + from..][..length]);
        let packet = &mut segment[HEADER_BYTES + ETHERNET_BYTES..];
        let total = packet.len() as u16;
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        let identity = u16::from_be_bytes([packet[4], packet[5]]).wrapping_add(index as u16);
        packet[4..6].copy_from_slice(&identity.to_be_bytes());
        complete_ip_checksum(&mut packet[..self.ip_header]);
        let tcp = &mut packet[self.ip_header..];
        let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]).wrapping_add(from as u32);
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
        if index > 0 {
            tcp[13] &= !CWR;
        }
        if index + 1 < self.count() {
            tcp[13] &= !FIN_AND_PUSH;
        }
        complete_checksum(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Port;
    use crate::frame::tests::tcp_frame;
    use crate::offload::lacks_checksum;
    use crate::offload::tests::{is_intact, unfinished};
    use proptest::prelude::*;

    const IP: usize = HEADER_BYTES + ETHERNET_BYTES;

    /// A frame of many segments of this size, with so many bytes of TCP options.
    fn many(payload: &[u8], size: u16, options: usize, sequence: u32, identity: u16, flags: u8) -> Vec<u8> {
        let mut plain = tcp_frame(
            Port::node(1),
            Port::node(2),
            9092,
            40_000,
            options + payload.len(),
        );
        let body = plain.len() - payload.len();
        plain[body..].copy_from_slice(payload);
        let mut frame = unfinished(&plain);
        frame[1] = 1 | 0x80;
        frame[4..6].copy_from_slice(&size.to_ne_bytes());
        let packet = &mut frame[IP..];
        packet[4..6].copy_from_slice(&identity.to_be_bytes());
        packet[24..28].copy_from_slice(&sequence.to_be_bytes());
        packet[32] = (((20 + options) / 4) as u8) << 4;
        packet[33] = flags;
        frame
    }

    fn be32(bytes: &[u8], at: usize) -> u32 {
        u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
    }

    proptest! {
        #[test]
        fn segments_are_the_same_stream_each_whole_and_intact(
            payload in prop::collection::vec(any::<u8>(), 2..20_000),
            size in 1_u16..1460,
            options in 0_usize..10,
            sequence: u32,
            identity: u16,
            flags: u8,
        ) {
            prop_assume!(payload.len() > usize::from(size));
            let options = options * 4;
            let frame = many(&payload, size, options, sequence, identity, flags);
            let segments = Segments::of(&frame).expect("many segments");
            let (mut segment, mut stream) = (Vec::new(), Vec::new());
            for index in 0..segments.count() {
                segments.write(&frame, index, &mut segment);
                prop_assert!(!lacks_checksum(&segment) && segment_bytes(&segment).is_none());
                prop_assert!(is_intact(&segment[HEADER_BYTES..]));
                let packet = &segment[IP..];
                prop_assert_eq!(be32(packet, 24), sequence.wrapping_add(stream.len() as u32));
                prop_assert_eq!(packet[4..6].to_vec(), identity.wrapping_add(index as u16).to_be_bytes());
                let (first, last) = (index == 0, index + 1 == segments.count());
                let expected = flags & (if first { 0xff } else { !CWR }) & (if last { 0xff } else { !FIN_AND_PUSH });
                prop_assert_eq!(packet[33], expected);
                let carried = &packet[40 + options..];
                prop_assert!(carried.len() == usize::from(size) || last && !carried.is_empty());
                stream.extend_from_slice(carried);
            }
            prop_assert_eq!(stream, payload);
        }

        #[test]
        fn what_is_broken_is_left_whole(bytes in prop::collection::vec(any::<u8>(), HEADER_BYTES..200)) {
            // Whatever it is, it is taken apart within its bounds or not at all.
            if let Some(segments) = Segments::of(&bytes) {
                let mut segment = Vec::new();
                for index in 0..segments.count() {
                    segments.write(&bytes, index, &mut segment);
                }
            }
        }
    }

    #[test]
    fn one_packet_is_no_segments() {
        assert!(
            Segments::of(&many(&[7; 1000], 1448, 0, 1, 1, 0)).is_none(),
            "it fits into one"
        );
        assert!(
            Segments::of(&many(&[7; 1000], 0, 0, 1, 1, 0)).is_none(),
            "it says none"
        );
    }
}
