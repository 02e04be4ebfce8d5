//! Real machines: each test is this program run again inside of a sandbox, as this user and, where this user is root,
//! as an ordinary one too. A test whose powers are missing is skipped by name.

mod clocks;
mod disks;
mod driver;
mod groups;
mod life;
mod links;
mod processes;
mod refusals;
mod roles;
mod scenarios;
mod shapes;
mod user;

use std::process::ExitCode;

use sandbox::{EXIT_INFRASTRUCTURE, Entered};

fn main() -> ExitCode {
    match sandbox::entry() {
        Ok(Entered::Inside { arguments }) => {
            let words: Vec<String> = arguments
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            scenarios::run(&words)
        }
        Ok(Entered::Outside) => outside(),
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::from(EXIT_INFRASTRUCTURE as u8)
        }
    }
}

fn outside() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("inside") => {
            eprintln!("failed to {}", sandbox::reexec(&words[1..]));
            ExitCode::from(EXIT_INFRASTRUCTURE as u8)
        }
        Some("role") => roles::run(&words[1..]),
        Some("powers") => driver::print_powers(),
        _ => driver::run(&words),
    }
}
