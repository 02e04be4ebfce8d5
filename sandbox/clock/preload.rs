//! The library that is preloaded into the processes of a node: the wall clock that they read is off by what a page of
//! shared memory says. The monotonic clocks stay true.
//!
//! It is built by `build.rs` and lies inside of the sandbox's binary. It allocates nothing, locks nothing, waits for
//! nobody and never panics, so that it may be called from signal handlers and in the first moments of a process; it
//! names no library that it needs, so that it goes with whichever C library the process has.

#![no_std]

// The writer's part of it is not used here.
#[expect(dead_code, reason = "the library only reads")]
#[path = "../src/clock/page.rs"]
mod page;

use core::ffi::{c_char, c_int, c_long, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use page::Page;

const CLOCK_REALTIME: c_int = 0;
const CLOCK_MONOTONIC: c_int = 1;
const CLOCK_REALTIME_COARSE: c_int = 5;
const O_RDONLY_CLOEXEC: c_int = 0o2_000_000;
const PROT_READ: c_int = 1;
const MAP_SHARED: c_int = 1;
const RTLD_NEXT: *mut c_void = -1_isize as *mut c_void;
const TIME_UTC: c_int = 1;
const NANOSECONDS: i64 = 1_000_000_000;

#[cfg(target_arch = "x86_64")]
const SYS_CLOCK_GETTIME: c_long = 228;
#[cfg(not(target_arch = "x86_64"))]
const SYS_CLOCK_GETTIME: c_long = 113;

#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

#[repr(C)]
pub struct Timeval {
    seconds: i64,
    microseconds: i64,
}

#[repr(C)]
pub struct Timezone {
    minutes_west: c_int,
    daylight: c_int,
}

unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn close(file: c_int) -> c_int;
    fn mmap(at: *mut c_void, length: usize, protection: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn syscall(number: c_long, ...) -> c_long;
}

type ClockGettime = unsafe extern "C" fn(c_int, *mut Timespec) -> c_int;

/// The page; null where there is none, and the clock is true.
static PAGE: AtomicPtr<Page> = AtomicPtr::new(null_mut());
/// The C library's own `clock_gettime`, which needs no system call.
static REAL: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

/// Runs once, before the program's first line: finds the C library's function and the page.
extern "C" fn begin() {
    // SAFETY: these strings end with a zero, the C library is loaded before its users, and the file is at least as
    // long as the page (the sandbox made it so, and never shortens it).
    unsafe {
        REAL.store(dlsym(RTLD_NEXT, c"clock_gettime".as_ptr()), Ordering::Release);
        let path = getenv(c"SANDBOX_CLOCK".as_ptr());
        if path.is_null() {
            return;
        }
        let file = open(path, O_RDONLY_CLOEXEC);
        if file < 0 {
            return;
        }
        let page = mmap(null_mut(), size_of::<Page>(), PROT_READ, MAP_SHARED, file, 0);
        close(file);
        if page as isize != -1 && (*page.cast::<Page>()).is_known() {
            PAGE.store(page.cast(), Ordering::Release);
        }
    }
}

/// The true time.
unsafe fn real(clock: c_int, into: *mut Timespec) -> c_int {
    let real = REAL.load(Ordering::Acquire);
    // SAFETY: as the caller promises; what is stored there is this function of the C library.
    unsafe {
        if real.is_null() {
            syscall(SYS_CLOCK_GETTIME, clock as c_long, into) as c_int
        } else {
            transmute::<*mut c_void, ClockGettime>(real)(clock, into)
        }
    }
}

fn monotonic() -> i64 {
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the place is live; this clock is always there.
    unsafe { real(CLOCK_MONOTONIC, &raw mut now) };
    now.seconds.wrapping_mul(NANOSECONDS).wrapping_add(now.nanoseconds)
}

fn offset() -> i64 {
    let page = PAGE.load(Ordering::Acquire);
    // SAFETY: it is null, or was mapped for good.
    unsafe { page.as_ref() }.map_or(0, |page| page.offset(monotonic))
}

/// # Safety
/// As of the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, into: *mut Timespec) -> c_int {
    // SAFETY: the caller's promise.
    let done = unsafe { real(clock, into) };
    if done != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) {
        return done;
    }
    let offset = offset();
    if offset != 0 {
        // SAFETY: the C library has just written there.
        let time = unsafe { &mut *into };
        let seconds = time.seconds.wrapping_add(offset.div_euclid(NANOSECONDS));
        let nanoseconds = time.nanoseconds + offset.rem_euclid(NANOSECONDS);
        let carry = nanoseconds / NANOSECONDS;
        time.seconds = seconds.wrapping_add(carry);
        time.nanoseconds = nanoseconds - carry * NANOSECONDS;
    }
    0
}

/// # Safety
/// As of the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(into: *mut Timeval, zone: *mut Timezone) -> c_int {
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the place is live; the others are the caller's promise, each of which may be null.
    unsafe {
        let done = clock_gettime(CLOCK_REALTIME, &raw mut now);
        if let Some(into) = into.as_mut() {
            *into = Timeval { seconds: now.seconds, microseconds: now.nanoseconds / 1000 };
        }
        if let Some(zone) = zone.as_mut() {
            *zone = Timezone { minutes_west: 0, daylight: 0 };
        }
        done
    }
}

/// # Safety
/// As of the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(into: *mut i64) -> i64 {
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the place is live; the other is the caller's promise, and may be null.
    unsafe {
        clock_gettime(CLOCK_REALTIME_COARSE, &raw mut now);
        if let Some(into) = into.as_mut() {
            *into = now.seconds;
        }
    }
    now.seconds
}

/// # Safety
/// As of the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timespec_get(into: *mut Timespec, base: c_int) -> c_int {
    // SAFETY: the caller's promise.
    if base == TIME_UTC && unsafe { clock_gettime(CLOCK_REALTIME, into) } == 0 {
        return base;
    }
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing here can.
    loop {}
}
