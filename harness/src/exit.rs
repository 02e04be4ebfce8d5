//! How the process ends. The codes are documented in the guide and are part of what scripts rely on.

use std::process::ExitCode;

use checkers::Validity;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every promise was put to the test and kept; or a command without a verdict did what it was asked.
    Valid,
    /// A promise was broken.
    Violation,
    /// Wrong arguments, a wrong plan, a wrong file.
    Usage,
    /// Nobody can say.
    Unknown,
    /// The machine, the network or the disk would not do it: no judgement of the broker.
    Infrastructure,
    /// Somebody interrupted twice and did not want to wait for the end.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Violation => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::Infrastructure => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Validity> for Exit {
    fn from(validity: Validity) -> Self {
        match validity {
            Validity::Valid => Self::Valid,
            Validity::Unknown => Self::Unknown,
            Validity::Invalid => Self::Violation,
        }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// What the user gave is wrong.
    pub fn usage(error: anyhow::Error) -> Self {
        Self {
            exit: Exit::Usage,
            error,
        }
    }

    /// What the machine has is not enough.
    pub fn infrastructure(error: anyhow::Error) -> Self {
        Self {
            exit: Exit::Infrastructure,
            error,
        }
    }
}

/// Prints a failure to standard error and turns either outcome into the process's exit code.
pub fn report(outcome: Result<Exit, Failure>) -> ExitCode {
    let exit = outcome.unwrap_or_else(|failure| {
        // What the machine would not do is named by what was tried; what the user gave, by what is wrong with it.
        let tried = if failure.exit == Exit::Infrastructure {
            "failed to "
        } else {
            ""
        };
        eprintln!("tribunal: {tried}{:#}", failure.error);
        failure.exit
    });
    ExitCode::from(exit.code())
}

/// What clap has to say: help and version are no errors.
pub fn usage(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Valid
    };
    // A closed standard output is the reader's choice.
    let _ = error.print();
    ExitCode::from(exit.code())
}

/// Ends the process at once, wherever it is: the namespaces take everything else with them.
pub fn now(exit: Exit) -> ! {
    std::process::exit(i32::from(exit.code()))
}

/// Ends as a process did that this one was only the way to.
pub fn as_another_did(code: i32) -> ! {
    std::process::exit(code)
}
