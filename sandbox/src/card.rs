//! Network cards, set up through the kernel's own calls; and TAP devices, the cards whose other end is a file.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::Mode;

use crate::address::{Mac, Port};
use crate::error::{Error, Hint, Result};
use crate::hint::Settings;

/// The size of the header before each frame: `struct virtio_net_hdr`. The switch passes it on untouched.
pub(crate) const HEADER_BYTES: usize = 10;

/// The largest packet on the wire. Segments of one TCP stream may travel together as one larger frame.
pub(crate) const MTU_BYTES: i32 = 1500;

const TUN: &str = "/dev/net/tun";

/// Opens the device that makes TAP cards.
pub(crate) fn open_tun() -> Result<OwnedFd> {
    let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    open(TUN, flags, Mode::empty()).map_err(tun_error)
}

/// Makes a TAP card in the caller's network namespace, down, and returns the switch's end of it (non-blocking).
/// The card goes when that is closed.
pub(crate) fn create(card: &str) -> Result<OwnedFd> {
    let tap = open_tun()?;
    let mut request = named(card);
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
    control(&tap, libc::TUNSETIFF, &raw mut request).map_err(error(card, "creation"))?;
    let mut size = HEADER_BYTES as libc::c_int;
    control(&tap, libc::TUNSETVNETHDRSZ, &raw mut size).map_err(error(card, "setting the header size"))?;
    let offload = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO_ECN;
    // SAFETY: this request takes its argument by value and touches no memory.
    let done = unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(offload)) };
    Errno::result(done).map_err(error(card, "setting the offloads"))?;
    Ok(tap)
}

/// Gives a card the hardware and network addresses of its port.
pub(crate) fn configure(port: Port) -> Result<()> {
    let card = port.card();
    let socket = control_socket()?;
    let mut request = named(card);
    request.ifr_ifru.ifru_hwaddr = hardware(port.mac());
    control(&socket, libc::SIOCSIFHWADDR, &raw mut request).map_err(error(card, "setting the MAC"))?;
    let mut request = named(card);
    request.ifr_ifru.ifru_mtu = MTU_BYTES;
    control(&socket, libc::SIOCSIFMTU, &raw mut request).map_err(error(card, "setting the MTU"))?;
    for (index, address) in port.addresses().into_iter().enumerate() {
        // A further address has a label of its own: that is how this call tells it from a replacement.
        let label = if index == 0 {
            card.to_owned()
        } else {
            format!("{card}:{index}")
        };
        set_address(&socket, &label, libc::SIOCSIFADDR, address, "setting the address")?;
        let mask = Ipv4Addr::new(255, 255, 255, 0);
        set_address(&socket, &label, libc::SIOCSIFNETMASK, mask, "setting the netmask")?;
    }
    Ok(())
}

/// Brings a card up.
pub(crate) fn bring_up(card: &str) -> Result<()> {
    let socket = control_socket()?;
    let mut request = named(card);
    control(&socket, libc::SIOCGIFFLAGS, &raw mut request).map_err(error(card, "reading the flags"))?;
    // SAFETY: the call above filled the flags in.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    control(&socket, libc::SIOCSIFFLAGS, &raw mut request).map_err(error(card, "bringing up"))
}

fn set_address(
    socket: &OwnedFd,
    label: &str,
    call: libc::Ioctl,
    address: Ipv4Addr,
    step: &'static str,
) -> Result<()> {
    let mut request = named(label);
    request.ifr_ifru.ifru_addr = protocol(address);
    control(socket, call, &raw mut request).map_err(error(label, step))
}

fn control_socket() -> Result<OwnedFd> {
    socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .map_err(Error::step("open a socket to set network cards with"))
}

/// A request that names a card, with everything else zero.
fn named(card: &str) -> libc::ifreq {
    // SAFETY: all zeros is a valid value of this plain C structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    assert!(
        card.len() < request.ifr_name.len(),
        "card names are ours, and short"
    );
    for (slot, byte) in request.ifr_name.iter_mut().zip(card.bytes()) {
        *slot = byte as libc::c_char;
    }
    request
}

fn hardware(mac: Mac) -> libc::sockaddr {
    let mut data = [0; 14];
    for (slot, byte) in data.iter_mut().zip(mac.0) {
        *slot = byte as libc::c_char;
    }
    libc::sockaddr {
        sa_family: libc::ARPHRD_ETHER,
        sa_data: data,
    }
}

fn protocol(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    for (slot, byte) in data[2..].iter_mut().zip(address.octets()) {
        *slot = byte as libc::c_char;
    }
    libc::sockaddr {
        sa_family: libc::AF_INET as libc::sa_family_t,
        sa_data: data,
    }
}

fn control<T>(file: &OwnedFd, call: libc::Ioctl, argument: *mut T) -> nix::Result<()> {
    // SAFETY: `argument` points to a live value of the type that the request names; the callers are above.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), call, argument) };
    Errno::result(done).map(drop)
}

/// A step of making or setting a card has failed.
pub(crate) fn error(card: &str, step: &'static str) -> impl FnOnce(Errno) -> Error {
    let card = card.to_owned();
    move |errno| {
        let hint = if errno == Errno::EPERM {
            Settings::read().namespaces(errno)
        } else {
            Hint(None)
        };
        Error::Card {
            card,
            step,
            errno,
            hint,
        }
    }
}

fn tun_error(errno: Errno) -> Error {
    let (detail, hint) = describe_tun(errno, fs::metadata(TUN));
    Error::TunDevice {
        detail,
        errno,
        hint: Hint(Some(hint)),
    }
}

/// What the device node looks like, and what to do.
fn describe_tun(errno: Errno, node: io::Result<fs::Metadata>) -> (String, String) {
    let make = "`sudo modprobe tun`; in a container, start it with `--device /dev/net/tun`";
    let Ok(node) = node else {
        return (String::new(), format!("the device is not there: {make}"));
    };
    let detail = format!(
        " (mode {:04o}, owner {}:{})",
        node.mode() & 0o7777,
        node.uid(),
        node.gid()
    );
    let hint = match errno {
        _ if !node.file_type().is_char_device() => {
            "it is not a device: `sudo rm /dev/net/tun && sudo modprobe tun`"
        }
        Errno::EACCES => "this user may not open it: `sudo chmod 0666 /dev/net/tun`, or run as root",
        Errno::EPERM => "a device filter forbids it: start the container with `--device /dev/net/tun`",
        _ => make,
    };
    (detail, hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_says_how_to_get_it() {
        let (detail, hint) = describe_tun(Errno::ENOENT, Err(io::ErrorKind::NotFound.into()));
        assert_eq!(detail, "");
        assert!(hint.contains("modprobe tun"), "{hint}");
    }

    #[test]
    fn a_device_that_may_not_be_opened_is_named_with_its_mode() {
        let node = fs::metadata("/dev/null");
        let (detail, hint) = describe_tun(Errno::EACCES, node);
        assert!(detail.starts_with(" (mode 0"), "{detail}");
        assert!(hint.contains("chmod 0666"), "{hint}");
    }

    #[test]
    fn a_module_that_is_not_loaded_says_so() {
        let (_, hint) = describe_tun(Errno::ENODEV, fs::metadata("/dev/null"));
        assert!(hint.contains("modprobe tun"), "{hint}");
    }
}
