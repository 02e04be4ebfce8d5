//! What the switch reads in a frame: enough to forward it, to match a rule, and to answer ARP.

use std::net::Ipv4Addr;

use crate::address::Mac;

pub(crate) const ETHERNET_BYTES: usize = 14;
const ARP_BYTES: usize = 28;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ARP_REQUEST: u16 = 1;
const ARP_REPLY: u16 = 2;
const PROTOCOL_TCP: u8 = 6;

/// A frame as far as the switch cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Somebody asks for the hardware address of an IPv4 address.
    ArpRequest(ArpRequest),
    /// An IPv4 packet.
    Ipv4(Packet),
    /// Anything else: IPv6, ARP replies, broken frames.
    Foreign,
}

/// A question for a hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArpRequest {
    /// Who asks.
    pub mac: Mac,
    /// Its address; zero where it probes for a duplicate of its own.
    pub source: Ipv4Addr,
    /// The address asked for.
    pub target: Ipv4Addr,
}

/// An IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// The hardware address it comes from.
    pub from: Mac,
    /// The hardware address it goes to.
    pub to: Mac,
    /// The IPv4 address it comes from.
    pub source: Ipv4Addr,
    /// The IPv4 address it goes to.
    pub destination: Ipv4Addr,
    /// TCP's ports, where the packet carries TCP and is whole or the first fragment.
    pub tcp: Option<TcpPorts>,
}

/// The ports of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpPorts {
    /// Where it comes from.
    pub source: u16,
    /// Where it goes.
    pub destination: u16,
}

/// Reads a frame without its virtio header.
pub(crate) fn parse(frame: &[u8]) -> Frame {
    let Some((ethernet, payload)) = frame.split_at_checked(ETHERNET_BYTES) else {
        return Frame::Foreign;
    };
    let parsed = match be16(ethernet, 12) {
        ETHERTYPE_IPV4 => packet(ethernet, payload).map(Frame::Ipv4),
        ETHERTYPE_ARP => arp_request(payload).map(Frame::ArpRequest),
        _ => None,
    };
    parsed.unwrap_or(Frame::Foreign)
}

fn packet(ethernet: &[u8], payload: &[u8]) -> Option<Packet> {
    let first = *payload.first()?;
    let header_bytes = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_bytes < 20 || payload.len() < header_bytes {
        return None;
    }
    let fragment_offset = be16(payload, 6) & 0x1fff;
    let body = &payload[header_bytes..];
    let tcp = (payload[9] == PROTOCOL_TCP && fragment_offset == 0 && body.len() >= 4).then(|| TcpPorts {
        source: be16(body, 0),
        destination: be16(body, 2),
    });
    Some(Packet {
        from: mac(ethernet, 6),
        to: mac(ethernet, 0),
        source: address(payload, 12),
        destination: address(payload, 16),
        tcp,
    })
}

fn arp_request(payload: &[u8]) -> Option<ArpRequest> {
    // Ethernet hardware, IPv4 protocol, their lengths, and the operation.
    let expected = [0, 1, 8, 0, 6, 4, 0, ARP_REQUEST as u8];
    (payload.len() >= ARP_BYTES && payload[..8] == expected).then(|| ArpRequest {
        mac: mac(payload, 8),
        source: address(payload, 14),
        target: address(payload, 24),
    })
}

/// The bytes of the answer to a request, without a virtio header.
pub(crate) fn arp_reply(request: &ArpRequest, owner: Mac) -> [u8; ETHERNET_BYTES + ARP_BYTES] {
    let mut frame = [0; ETHERNET_BYTES + ARP_BYTES];
    frame[0..6].copy_from_slice(&request.mac.0);
    frame[6..12].copy_from_slice(&owner.0);
    frame[12..14].copy_from_slice(&ETHERTYPE_ARP.to_be_bytes());
    frame[14..22].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, ARP_REPLY as u8]);
    frame[22..28].copy_from_slice(&owner.0);
    frame[28..32].copy_from_slice(&request.target.octets());
    frame[32..38].copy_from_slice(&request.mac.0);
    frame[38..42].copy_from_slice(&request.source.octets());
    frame
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn mac(bytes: &[u8], at: usize) -> Mac {
    Mac(bytes[at..at + 6].try_into().expect("six bytes"))
}

fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::address::Port;

    /// A TCP segment between two data addresses, with a payload of so many bytes.
    pub(crate) fn tcp_frame(from: Port, to: Port, source: u16, destination: u16, bytes: usize) -> Vec<u8> {
        let addresses = (from.data().expect("data"), to.data().expect("data"));
        ipv4_frame(
            (from.mac(), to.mac()),
            addresses,
            PROTOCOL_TCP,
            &tcp_header(source, destination, bytes),
        )
    }

    fn tcp_header(source: u16, destination: u16, bytes: usize) -> Vec<u8> {
        let mut body = vec![0; 20 + bytes];
        body[0..2].copy_from_slice(&source.to_be_bytes());
        body[2..4].copy_from_slice(&destination.to_be_bytes());
        body
    }

    /// An IPv4 packet with this body.
    pub(crate) fn ipv4_frame(
        macs: (Mac, Mac),
        ips: (Ipv4Addr, Ipv4Addr),
        protocol: u8,
        body: &[u8],
    ) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.extend(macs.1.0);
        frame.extend(macs.0.0);
        frame.extend(ETHERTYPE_IPV4.to_be_bytes());
        frame.push(0x45);
        frame.extend([0; 8]);
        frame.push(protocol);
        frame.extend([0; 2]);
        frame.extend(ips.0.octets());
        frame.extend(ips.1.octets());
        frame.extend(body);
        frame
    }

    /// A question for an address, as a card sends it.
    pub(crate) fn arp_frame(from: Port, source: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
        let mut frame = vec![0xff; 6];
        frame.extend(from.mac().0);
        frame.extend(ETHERTYPE_ARP.to_be_bytes());
        frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend(from.mac().0);
        frame.extend(source.octets());
        frame.extend([0; 6]);
        frame.extend(target.octets());
        frame
    }

    const N1: Port = Port::node(1);
    const N2: Port = Port::node(2);

    #[test]
    fn a_tcp_segment_shows_addresses_and_ports() {
        let expected = Packet {
            from: N1.mac(),
            to: N2.mac(),
            source: Ipv4Addr::new(10, 77, 0, 1),
            destination: Ipv4Addr::new(10, 77, 0, 2),
            tcp: Some(TcpPorts {
                source: 40_000,
                destination: 9092,
            }),
        };
        assert_eq!(parse(&tcp_frame(N1, N2, 40_000, 9092, 5)), Frame::Ipv4(expected));
    }

    #[test]
    fn only_a_first_fragment_has_ports() {
        let mut frame = tcp_frame(N1, N2, 1, 2, 100);
        frame[20..22].copy_from_slice(&0x2000_u16.to_be_bytes());
        assert!(matches!(parse(&frame), Frame::Ipv4(Packet { tcp: Some(_), .. })));
        frame[20..22].copy_from_slice(&0x0010_u16.to_be_bytes());
        assert!(matches!(parse(&frame), Frame::Ipv4(Packet { tcp: None, .. })));
    }

    #[test]
    fn options_move_the_ports() {
        let mut frame = tcp_frame(N1, N2, 1, 2, 0);
        frame[14] = 0x46;
        let options = frame.split_off(34);
        frame.extend([1, 1, 1, 1]);
        frame.extend(options);
        assert!(matches!(
            parse(&frame),
            Frame::Ipv4(Packet {
                tcp: Some(TcpPorts {
                    source: 1,
                    destination: 2
                }),
                ..
            })
        ));
    }

    #[test]
    fn udp_has_no_tcp_ports() {
        let ips = (Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2));
        let frame = ipv4_frame((N1.mac(), N2.mac()), ips, 17, &[0; 8]);
        assert!(matches!(parse(&frame), Frame::Ipv4(Packet { tcp: None, .. })));
    }

    #[test]
    fn no_cut_of_a_frame_is_read_beyond_its_end() {
        for frame in [
            tcp_frame(N1, N2, 1, 2, 0),
            arp_frame(N1, Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST),
        ] {
            for length in 0..frame.len() {
                parse(&frame[..length]);
            }
        }
        assert_eq!(parse(&[]), Frame::Foreign);
    }

    #[test]
    fn ipv6_and_broken_headers_are_foreign() {
        let mut frame = tcp_frame(N1, N2, 1, 2, 0);
        frame[14] = 0x44;
        assert_eq!(parse(&frame), Frame::Foreign);
        frame[12..14].copy_from_slice(&0x86dd_u16.to_be_bytes());
        assert_eq!(parse(&frame), Frame::Foreign);
    }

    #[test]
    fn an_answer_to_arp_is_itself_no_question() {
        let (source, target) = (Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2));
        let Frame::ArpRequest(request) = parse(&arp_frame(N1, source, target)) else {
            panic!("a question is read as one");
        };
        assert_eq!(
            request,
            ArpRequest {
                mac: N1.mac(),
                source,
                target
            }
        );
        let reply = arp_reply(&request, N2.mac());
        assert_eq!(parse(&reply), Frame::Foreign);
        assert_eq!(reply[0..6], N1.mac().0);
        assert_eq!(reply[22..28], N2.mac().0);
        assert_eq!(reply[28..32], target.octets());
    }
}
