//! What a rule says: which frames, on which direction of which link, and what happens to them.

use std::fmt;

use crate::address::Place;
use crate::effect::Effect;
use crate::frame::{Packet, TcpPorts};

/// One direction of a link and what happens on it. The side channel cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Frames from here…
    pub from: Place,
    /// …to there…
    pub to: Place,
    /// …that this matches…
    pub matcher: Matcher,
    /// …fare like this.
    pub effect: Effect,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            matcher,
            effect,
        } = self;
        write!(formatter, "{from}→{to} {matcher}: {effect}")
    }
}

/// Which packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matcher {
    /// All of them.
    All,
    /// TCP segments with these ports. Where both are given both must match; where none is, all TCP does. Later
    /// fragments of a packet carry no ports and match nothing (TCP itself never fragments here).
    Tcp {
        /// The source port.
        source: Option<u16>,
        /// The destination port.
        destination: Option<u16>,
    },
    /// TCP segments of the connections to this port, in either direction.
    Service(u16),
}

impl Matcher {
    /// Whether it matches a packet.
    pub(crate) fn matches(self, packet: &Packet) -> bool {
        let agree = |wanted: Option<u16>, port| wanted.is_none_or(|wanted| wanted == port);
        match (self, packet.tcp) {
            (Self::All, _) => true,
            (
                Self::Tcp { source, destination },
                Some(TcpPorts {
                    source: from,
                    destination: to,
                }),
            ) => agree(source, from) && agree(destination, to),
            (Self::Service(port), Some(TcpPorts { source, destination })) => {
                port == source || port == destination
            }
            (Self::Tcp { .. } | Self::Service(_), None) => false,
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, destination) = match self {
            Self::All => return formatter.write_str("all"),
            Self::Service(port) => return write!(formatter, "tcp with port {port}"),
            Self::Tcp { source, destination } => (source, destination),
        };
        formatter.write_str("tcp")?;
        source.map_or(Ok(()), |port| write!(formatter, " from port {port}"))?;
        destination.map_or(Ok(()), |port| write!(formatter, " to port {port}"))
    }
}

/// The number of a set of rules that came into force together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Port;
    use crate::frame::tests::{ipv4_frame, tcp_frame};
    use crate::frame::{Frame, parse};

    fn check(matcher: Matcher, frame: &[u8], expected: bool) {
        let Frame::Ipv4(packet) = parse(frame) else {
            panic!("the frame is IPv4");
        };
        assert_eq!(matcher.matches(&packet), expected, "{matcher} on {packet:?}");
    }

    #[test]
    fn matchers_look_at_the_ports_that_they_name_and_at_no_others() {
        let frame = tcp_frame(Port::node(1), Port::node(2), 40_000, 9092, 1);
        let tcp = |source, destination| Matcher::Tcp { source, destination };
        check(Matcher::All, &frame, true);
        check(tcp(None, None), &frame, true);
        check(tcp(None, Some(9092)), &frame, true);
        check(tcp(None, Some(40_000)), &frame, false);
        check(tcp(Some(40_000), None), &frame, true);
        check(tcp(Some(9092), None), &frame, false);
        check(tcp(Some(40_000), Some(9092)), &frame, true);
        check(tcp(Some(40_000), Some(9093)), &frame, false);
        check(tcp(Some(40_001), Some(9092)), &frame, false);
        check(Matcher::Service(9092), &frame, true);
        check(Matcher::Service(40_000), &frame, true);
        check(Matcher::Service(9093), &frame, false);
    }

    #[test]
    fn a_port_matches_no_udp() {
        let (from, to) = (Port::node(1), Port::node(2));
        let ips = (from.data().expect("data"), to.data().expect("data"));
        let frame = ipv4_frame(
            (from.mac(), to.mac()),
            ips,
            17,
            &[0x23, 0x84, 0x23, 0x84, 0, 8, 0, 0],
        );
        check(
            Matcher::Tcp {
                source: None,
                destination: Some(0x2384),
            },
            &frame,
            false,
        );
        check(Matcher::All, &frame, true);
    }

    #[test]
    fn a_rule_reads_aloud() {
        let matcher = Matcher::Tcp {
            source: None,
            destination: Some(9092),
        };
        let rule = Rule {
            from: Place::Node(1),
            to: Place::Clients,
            matcher,
            effect: Effect::Drop,
        };
        assert_eq!(rule.to_string(), "n1→clients tcp to port 9092: drop");
    }
}
