//! Network cards without a TUN device: pairs of joined cards, of which the switch reads and writes one through a socket.
//!
//! The switch's ends lie in a network namespace of their own, which has no address and no process and lives as long as the
//! sockets: no kernel there answers anything. A socket of this kind gives and takes the same bytes as the file of a TAP
//! card, header and frame, so that the switch need not know which of them it has.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};

use crate::address::Port;
use crate::card;
use crate::error::{Error, Result};
use crate::namespaces::{disable_ipv6, errno_of};
use crate::netlink::make_pair;

/// What a socket holds of frames that wait for the switch: some dozens of the largest. The kernel grants less where its
/// settings do and the process has no power over them.
const RECEIVE_BYTES: usize = 16 << 20;
/// The same for frames that wait for their receiver.
const SEND_BYTES: usize = 4 << 20;

/// The network namespace of the calling thread, as a file.
pub(crate) fn namespace() -> Result<OwnedFd> {
    let file = File::open("/proc/thread-self/ns/net");
    Ok(file
        .map_err(|error| Error::step("open the network namespace")(errno_of(&error)))?
        .into())
}

/// Makes a card for each port, in that network namespace, down; gives the switch's ends (non-blocking). A card goes when
/// its namespace or the socket does.
pub(crate) fn create(ports: Vec<(Port, OwnedFd)>) -> Result<Vec<(Port, OwnedFd)>> {
    let back = namespace()?;
    // This thread alone goes there, and comes back.
    unshare(CloneFlags::CLONE_NEWNET).map_err(Error::step("make a network namespace for the switch"))?;
    disable_ipv6();
    let ends = ports.into_iter().enumerate();
    let made = ends
        .map(|(index, (port, home))| Ok((port, create_one(index, port.card(), &home)?)))
        .collect();
    setns(&back, CloneFlags::CLONE_NEWNET)
        .map_err(Error::step("leave the switch's network namespace again"))?;
    made
}

fn create_one(index: usize, card: &str, home: &OwnedFd) -> Result<OwnedFd> {
    let end = format!("port{index}");
    make_pair(&end, card, home.as_fd()).map_err(card::error(card, "creation"))?;
    // A socket at a card that is down begins with an error.
    card::bring_up(&end)?;
    open(&end).map_err(card::error(card, "opening the switch's end"))
}

/// A socket that receives what comes through this card, and nothing else.
fn open(end: &str) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    // Without a protocol it receives nothing until it is bound.
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
    let index = if_nametoindex(end)? as i32;
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BYTES).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BYTES)?;
    }
    if setsockopt(&socket, sockopt::SndBufForce, &SEND_BYTES).is_err() {
        setsockopt(&socket, sockopt::SndBuf, &SEND_BYTES)?;
    }
    let on: libc::c_int = 1;
    // The header before each frame: checksums and segments are left to the receiver.
    packet_option(&socket, libc::PACKET_VNET_HDR, &on)?;
    // What the switch itself sends must not come back to it.
    packet_option(&socket, libc::PACKET_IGNORE_OUTGOING, &on)?;
    // The card has no queue; one that has just come up would drop everything until the kernel has noticed that.
    packet_option(&socket, libc::PACKET_QDISC_BYPASS, &on)?;
    // SAFETY: all zeros is a valid value of these plain C structures.
    let (mut membership, mut address): (libc::packet_mreq, libc::sockaddr_ll) = unsafe { std::mem::zeroed() };
    membership.mr_ifindex = index;
    membership.mr_type = libc::PACKET_MR_PROMISC as u16;
    packet_option(&socket, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    let size = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is live, and as long as it says.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) };
    Errno::result(done)?;
    Ok(socket)
}

fn packet_option<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> nix::Result<()> {
    let size = size_of_val(value) as libc::socklen_t;
    // SAFETY: the value is live, of the type that the option takes (the callers are above), and as long as it says.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            size,
        )
    };
    Errno::result(done).map(drop)
}
