//! What goes wrong: faults, their targets, their evidence, and how they heal.
//!
//! A plan's [`NemesisConfig`] resolves to a list of [`Step`]s, a pure function of the seed and of the cluster's
//! shape. A [`Nemesis`] carries them out against a [`cluster::Cluster`] and writes each step of each fault's life
//! into the history, with the evidence that it bit. What is in force at the end is healed, the newest first.
//!
//! A fault is one file in `faults/`, in the folder of its group, and one word in the list in `faults.rs`: its configuration implements
//! [`FaultKind`]. Nothing here speaks to a broker except through what `cluster` offers.

mod amount;
mod asked;
mod clocks;
mod config;
mod cue;
mod cuts;
mod disks;
mod draw;
mod elections;
mod ending;
mod fault;
mod faults;
mod guard;
mod in_force;
mod life;
mod limits;
mod members;
mod migration;
mod replicas;
mod restart;
mod roll;
mod runner;
mod schedule;
mod setting;
mod shaping;
mod shift;
mod step;
mod stillness;
mod target;
mod weighted;
mod when;

pub use amount::{Percent, Rate};
pub use config::{Invalid, NemesisConfig, Period, RandomConfig, RotationConfig, Schedule};
pub use disks::DiskOperation;
pub use draw::Draw;
pub use ending::Means;
pub use fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
pub use faults::{
    AddPartitions, Bandwidth, BitRot, ChangeBrokers, ChangeVoters, ClockDrift, ClockJump, ClockStrobe,
    Corrupt, CrashAt, CrashLoop, CreateTopics, Delay, DeleteRecords, DiskError, DiskFull, Duplicate,
    ElectPreferred, ElectUnclean, ElectionStorm, FAULTS, FaultSpec, Flapping, Freeze, Kill, KillRecovering,
    Listed, Loss, Migrate, MinIsr, MoveController, MoveLeaders, Partition, Pause, PowerLoss, Reassign,
    Reorder, Restarts, RollingDowngrade, RollingRestart, RollingUpgrade, ShrinkIsr, SlowDisk, SlowLeader,
    Starve, Terminate, UncleanConfig, Wipe,
};
pub use in_force::{FaultInForce, InForce};
pub use limits::{FaultLimits, Keep};
pub use members::Members;
pub use migration::Phase;
pub use restart::Restart;
pub use roll::VersionChange;
pub use runner::{Nemesis, Tally};
pub use schedule::length;
pub use shift::Shift;
pub use step::{Start, Step};
pub use target::Target;
pub use weighted::Weighted;
pub use when::{After, Condition, ControllerChanged, Election, IsrOf, Moment, When};
