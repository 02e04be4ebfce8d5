//! A terminal, with a command in front of it.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing that a test waits for takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal and the command that runs in it.
pub struct Terminal {
    keyboard: File,
    slave: OwnedFd,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

/// What came to a terminal.
pub struct Seen {
    /// What it looks like.
    pub screen: vt100::Parser,
    /// Every byte.
    pub bytes: Vec<u8>,
}

impl Terminal {
    /// Starts a command in a new terminal of this size, of which it is the foreground.
    pub fn start(mut command: Command, lines: u16, columns: u16) -> Self {
        let (mut master, mut slave) = (0, 0);
        let size = size(lines, columns);
        // SAFETY: both numbers are written before they are read, and nobody else has them.
        let (master, slave) = unsafe {
            let made = libc::openpty(
                &raw mut master,
                &raw mut slave,
                ptr::null_mut(),
                ptr::null(),
                &raw const size,
            );
            assert_eq!(made, 0, "a terminal can be made");
            (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
        };
        let end = || Stdio::from(slave.try_clone().expect("it can be shared"));
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: two system calls.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().expect("the binary can be started");
        let seen = Arc::new(Mutex::new(Seen {
            screen: vt100::Parser::new(some(lines), some(columns), 0),
            bytes: Vec::new(),
        }));
        let mut output = File::from(master.try_clone().expect("it can be shared"));
        let shown = Arc::clone(&seen);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // With the last of those who write to it a terminal ends with an error.
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let mut seen = shown.lock().expect("no reader panics");
                seen.screen.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            keyboard: File::from(master),
            slave,
            child,
            seen,
            reader: Some(reader),
        }
    }

    /// Waits until the screen shows what is wanted.
    #[track_caller]
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !wanted(&self.text()) {
            assert!(begun.elapsed() < PATIENCE, "no {what}:\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the screen shows now.
    pub fn text(&self) -> String {
        self.seen
            .lock()
            .expect("no reader panics")
            .screen
            .screen()
            .contents()
    }

    /// Types.
    pub fn keys(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("the terminal takes keys");
    }

    /// Sends a signal to the command.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("the command runs");
    }

    /// Gives the terminal another size.
    pub fn resize(&self, lines: u16, columns: u16) {
        let size = size(lines, columns);
        // SAFETY: it is read only.
        let set = unsafe { libc::ioctl(self.keyboard.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(set, 0, "a terminal can be resized");
        let mut seen = self.seen.lock().expect("no reader panics");
        seen.screen.screen_mut().set_size(some(lines), some(columns));
    }

    /// How the terminal treats what is typed.
    pub fn modes(&self) -> [u32; 4] {
        // SAFETY: it is written whole before it is read.
        let modes = unsafe {
            let mut modes: libc::termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(self.slave.as_raw_fd(), &raw mut modes), 0);
            modes
        };
        [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag]
    }

    /// Waits until the command has ended: its exit code, and all that was seen.
    pub fn end(mut self) -> (Option<i32>, Vec<u8>, vt100::Parser) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it does not end:\n{}", self.text());
            }
            thread::sleep(Duration::from_millis(20));
        };
        drop(self.slave);
        drop(self.keyboard);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        let seen = Arc::into_inner(self.seen).expect("nobody else reads");
        let Seen { screen, bytes } = seen.into_inner().expect("no reader panics");
        (status.code(), bytes, screen)
    }
}

fn some(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has a size")
}

fn size(lines: u16, columns: u16) -> libc::winsize {
    libc::winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
