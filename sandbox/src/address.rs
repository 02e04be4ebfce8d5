//! Who has which name and address: the plan of the sandbox's two subnets.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest node number: above it lie the clients' and the observer's addresses.
pub const NODE_MAX: u32 = 199;

/// The last byte of the clients' and of the observer's address.
const CONDUCTOR: u8 = 200;

/// A place that a fault can name. The observer is not among them, so that no rule can be written that touches the
/// side channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A node, by its number.
    Node(u32),
    /// All clients.
    Clients,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(number) => write!(formatter, "n{number}"),
            Self::Clients => formatter.write_str("clients"),
        }
    }
}

/// A port of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// A node's card, or the clients'.
    Place(Place),
    /// The observer's: the side channel.
    Observer,
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => place.fmt(formatter),
            Self::Observer => formatter.write_str("observer"),
        }
    }
}

impl Port {
    /// A node's port.
    pub(crate) const fn node(number: u32) -> Self {
        Self::Place(Place::Node(number))
    }

    /// The name of its card.
    pub(crate) fn card(self) -> &'static str {
        match self {
            Self::Place(Place::Node(_)) => "eth0",
            Self::Place(Place::Clients) => "clients",
            Self::Observer => "observer",
        }
    }

    /// The address in the data network, where it has one.
    pub(crate) fn data(self) -> Option<Ipv4Addr> {
        match self {
            Self::Place(Place::Node(number)) => Some(Ipv4Addr::new(10, 77, 0, number as u8)),
            Self::Place(Place::Clients) => Some(Ipv4Addr::new(10, 77, 0, CONDUCTOR)),
            Self::Observer => None,
        }
    }

    /// The address in the side channel, where it has one.
    pub(crate) fn side(self) -> Option<Ipv4Addr> {
        match self {
            Self::Place(Place::Node(number)) => Some(Ipv4Addr::new(10, 78, 0, number as u8)),
            Self::Place(Place::Clients) => None,
            Self::Observer => Some(Ipv4Addr::new(10, 78, 0, CONDUCTOR)),
        }
    }

    /// Its addresses.
    pub(crate) fn addresses(self) -> Vec<Ipv4Addr> {
        self.data().into_iter().chain(self.side()).collect()
    }

    /// The hardware address: locally administered.
    pub(crate) fn mac(self) -> Mac {
        let (kind, number) = match self {
            Self::Place(Place::Node(number)) => (0, number as u8),
            Self::Place(Place::Clients) => (1, CONDUCTOR),
            Self::Observer => (2, CONDUCTOR),
        };
        Mac([0x02, 0x54, 0x52, 0x42, kind, number])
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Mac(pub [u8; 6]);

/// The host name of a node.
pub(crate) fn host(number: u32) -> String {
    format!("n{number}")
}

/// The text of a hosts file that names every node.
pub(crate) fn hosts_file(nodes: &[u32]) -> String {
    let named = |&number: &u32| Some(format!("{} {}\n", Port::node(number).data()?, host(number)));
    let lines = nodes.iter().filter_map(named);
    std::iter::once("127.0.0.1 localhost\n".to_owned())
        .chain(lines)
        .collect()
}

/// Whether these can be the numbers of a sandbox's nodes.
pub(crate) fn check_nodes(nodes: &[u32]) -> Result<()> {
    let refuse = |reason: String| Err(Error::Specification { reason });
    if nodes.is_empty() {
        return refuse("it has no nodes; name at least one".to_owned());
    }
    for (index, &number) in nodes.iter().enumerate() {
        if !(1..=NODE_MAX).contains(&number) {
            return refuse(format!("node {number}: numbers go from 1 to {NODE_MAX}"));
        }
        if nodes[..index].contains(&number) {
            return refuse(format!("node {number} is there twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_names_every_node_by_its_data_address() {
        assert_eq!(
            hosts_file(&[1, 2]),
            "127.0.0.1 localhost\n10.77.0.1 n1\n10.77.0.2 n2\n"
        );
    }

    #[test]
    fn no_two_ports_share_an_address() {
        let mut ports: Vec<Port> = (1..=NODE_MAX).map(Port::node).collect();
        ports.extend([Port::Place(Place::Clients), Port::Observer]);
        let mut macs: Vec<Mac> = ports.iter().map(|port| port.mac()).collect();
        let mut addresses: Vec<Ipv4Addr> = ports.iter().flat_map(|port| port.addresses()).collect();
        let counts = (macs.len(), addresses.len());
        macs.sort_unstable();
        macs.dedup();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!((macs.len(), addresses.len()), counts);
    }

    #[test]
    fn impossible_sets_of_nodes_are_refused_by_name() {
        let reason = |nodes: &[u32]| check_nodes(nodes).expect_err("it is impossible").to_string();
        assert!(reason(&[]).contains("no nodes"));
        assert!(reason(&[1, 0]).contains("node 0"));
        assert!(reason(&[200]).contains("node 200"));
        assert!(reason(&[1, 2, 1]).contains("node 1 is there twice"));
        check_nodes(&[1, NODE_MAX]).expect("these are possible");
    }
}
