//! The one request to the kernel that no older call can make: a pair of joined network cards, in two namespaces.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

/// Attributes inside of the information about a kind of card, of `linux/if_link.h` and `linux/veth.h`.
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

/// Room for the kernel's answer: an error with a part of the request.
const ANSWER_BYTES: usize = 4096;

/// Makes a card of this name in the caller's network namespace, and the card at its other end in that one. Both are down.
pub(crate) fn make_pair(name: &str, peer: &str, home: BorrowedFd<'_>) -> nix::Result<()> {
    let mut message = Message::new();
    message.attribute(libc::IFLA_IFNAME, |message| message.text(name));
    message.attribute(libc::IFLA_LINKINFO, |message| {
        message.attribute(IFLA_INFO_KIND, |message| message.text("veth"));
        message.attribute(IFLA_INFO_DATA, |message| {
            message.attribute(VETH_INFO_PEER, |message| {
                message.interface();
                message.attribute(libc::IFLA_IFNAME, |message| message.text(peer));
                message.attribute(libc::IFLA_NET_NS_FD, |message| {
                    message.0.extend_from_slice(&home.as_raw_fd().to_ne_bytes());
                });
            });
        });
    });
    message.carry_out()
}

/// A request for a new card, as it grows.
struct Message(Vec<u8>);

impl Message {
    fn new() -> Self {
        let mut message = Self(Vec::new());
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        // The header: the length is filled in at the end; number and sender of the message do not matter.
        message.0.extend_from_slice(&0_u32.to_ne_bytes());
        message.0.extend_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
        message.0.extend_from_slice(&(flags as u16).to_ne_bytes());
        message.0.extend_from_slice(&[0; 8]);
        message.interface();
        message
    }

    /// A description of an interface (`struct ifinfomsg`) of which nothing is given.
    fn interface(&mut self) {
        self.0.extend_from_slice(&[0; 16]);
    }

    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
    }

    /// An attribute around what is appended meanwhile.
    fn attribute(&mut self, kind: u16, content: impl FnOnce(&mut Self)) {
        let begin = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        content(self);
        let length = (self.0.len() - begin) as u16;
        self.0[begin..begin + 2].copy_from_slice(&length.to_ne_bytes());
        self.0[begin + 2..begin + 4].copy_from_slice(&kind.to_ne_bytes());
        // Each begins at a multiple of four.
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// Sends it, and waits for what the kernel says.
    fn carry_out(mut self) -> nix::Result<()> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        let kernel: OwnedFd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        send(kernel.as_raw_fd(), &self.0, MsgFlags::empty())?;
        let mut answer = [0; ANSWER_BYTES];
        let length = recv(kernel.as_fd().as_raw_fd(), &mut answer, MsgFlags::empty())?;
        // A header, then the negated number of the error, or zero.
        let Some(code) = answer[..length]
            .get(16..20)
            .and_then(|bytes| bytes.try_into().ok())
        else {
            return Err(Errno::EBADMSG);
        };
        match i32::from_ne_bytes(code) {
            0 => Ok(()),
            code => Err(Errno::from_raw(-code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_hold_each_other_and_keep_their_places() {
        let mut message = Message(Vec::new());
        message.attribute(7, |message| {
            message.attribute(8, |message| message.text("abcd"));
            message.attribute(9, |_| {});
        });
        let expected: [&[u8]; 5] = [
            &[20, 0, 7, 0],
            &[9, 0, 8, 0],
            b"abcd\0",
            &[0, 0, 0],
            &[4, 0, 9, 0],
        ];
        if cfg!(target_endian = "little") {
            assert_eq!(message.0, expected.concat());
        }
    }
}
