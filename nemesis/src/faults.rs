//! The list of faults: each is one file in the folder of its group in `faults/` and one word here.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};

use crate::fault::FaultKind;

/// A fault that can be asked for, for `tribunal list`.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its word in plans and histories.
    pub name: &'static str,
    /// What it is a fault of: the folder of its file.
    pub group: &'static str,
    /// The source of its file, which begins with its documentation.
    source: &'static str,
}

impl Listed {
    /// What it does: the first paragraph of its file.
    pub fn about(&self) -> String {
        history::about(self.source)
    }
}

macro_rules! faults {
    ($($group:ident { $($name:literal => $module:ident :: $kind:ident),* $(,)? })+) => {
        $(mod $group { $(pub mod $module;)* })+
        $($(pub use $group::$module::$kind;)*)+

        /// Every fault, in the order of the list.
        pub const FAULTS: &[Listed] = &[$($(Listed {
            name: $name,
            group: stringify!($group),
            source: include_str!(concat!("faults/", stringify!($group), "/", stringify!($module), ".rs")),
        },)*)+];

        /// The files of the list, for the test that none is missing.
        #[cfg(test)]
        const FILES: &[&str] = &[$($(concat!(stringify!($group), "/", stringify!($module), ".rs"),)*)+];

        /// One fault with its configuration. In a plan: `{ kill = { target = "leader" } }`, or its word alone for
        /// the fault as it is by default.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub enum FaultSpec {
            $($(
                #[doc = concat!("`", $name, "`")]
                #[serde(rename = $name)]
                $kind($kind),
            )*)+
        }

        impl FaultSpec {
            /// Its word in the list.
            pub fn name(&self) -> &'static str {
                match self {
                    $($(Self::$kind(_) => $name,)*)+
                }
            }

            /// What it can do.
            pub fn kind(&self) -> &dyn FaultKind {
                match self {
                    $($(Self::$kind(fault) => fault,)*)+
                }
            }

            pub(crate) fn kind_mut(&mut self) -> &mut dyn FaultKind {
                match self {
                    $($(Self::$kind(fault) => fault,)*)+
                }
            }

            fn by_default(word: Word) -> Self {
                match word {
                    $($(Word::$kind => Self::$kind($kind::default()),)*)+
                }
            }

            /// Writes it into a table that holds more than the fault.
            pub(crate) fn serialize_entry<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self {
                    $($(Self::$kind(fault) => map.serialize_entry($name, fault),)*)+
                }
            }

            /// Reads a fault's configuration: the value of the key that was its word.
            pub(crate) fn from_map<'de, M: MapAccess<'de>>(word: Word, map: &mut M) -> Result<Self, M::Error> {
                match word {
                    $($(Word::$kind => map.next_value().map(Self::$kind),)*)+
                }
            }
        }

        /// A fault's word. An unknown one is refused with the list of all.
        #[derive(Clone, Copy, Deserialize)]
        pub(crate) enum Word {
            $($(#[serde(rename = $name)] $kind,)*)+
        }
    };
}

faults! {
    network {
        "partition" => partition::Partition,
        "shrink-isr" => shrink_isr::ShrinkIsr,
        "delay" => delay::Delay,
        "slow-leader" => slow_leader::SlowLeader,
        "loss" => loss::Loss,
        "duplicate" => duplicate::Duplicate,
        "reorder" => reorder::Reorder,
        "corrupt" => corrupt::Corrupt,
        "bandwidth" => bandwidth::Bandwidth,
        "flapping" => flapping::Flapping,
    }
    disk {
        "power-loss" => power_loss::PowerLoss,
        "crash-at" => crash_at::CrashAt,
        "slow-disk" => slow_disk::SlowDisk,
        "disk-full" => disk_full::DiskFull,
        "disk-error" => disk_error::DiskError,
        "bit-rot" => bit_rot::BitRot,
    }
    clock {
        "clock-jump" => jump::ClockJump,
        "clock-drift" => drift::ClockDrift,
        "clock-strobe" => strobe::ClockStrobe,
    }
    process {
        "kill" => kill::Kill,
        "terminate" => terminate::Terminate,
        "restart" => restart::Restarts,
        "rolling-restart" => rolling_restart::RollingRestart,
        "crash-loop" => crash_loop::CrashLoop,
        "kill-recovering" => kill_recovering::KillRecovering,
        "wipe" => wipe::Wipe,
        "pause" => pause::Pause,
        "freeze" => freeze::Freeze,
        "starve" => starve::Starve,
    }
    kafka {
        "rolling-upgrade" => rolling_upgrade::RollingUpgrade,
        "rolling-downgrade" => rolling_downgrade::RollingDowngrade,
        "elect-preferred" => elect_preferred::ElectPreferred,
        "elect-unclean" => elect_unclean::ElectUnclean,
        "election-storm" => election_storm::ElectionStorm,
        "move-leaders" => move_leaders::MoveLeaders,
        "reassign" => reassign::Reassign,
        "min-isr" => min_isr::MinIsr,
        "unclean-config" => unclean_config::UncleanConfig,
        "add-partitions" => add_partitions::AddPartitions,
        "create-topics" => create_topics::CreateTopics,
        "delete-records" => delete_records::DeleteRecords,
        "move-controller" => move_controller::MoveController,
        "voters" => voters::ChangeVoters,
        "brokers" => brokers::ChangeBrokers,
        "session-expiry" => session_expiry::SessionExpiry,
        "migrate" => migrate::Migrate,
    }
}

struct SpecVisitor;

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = FaultSpec;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a fault's word, or a table that holds one fault with its configuration")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<FaultSpec, E> {
        Word::deserialize(de::value::StrDeserializer::new(word)).map(FaultSpec::by_default)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<FaultSpec, M::Error> {
        let Some(word) = map.next_key::<Word>()? else {
            return Err(de::Error::custom("an empty table names no fault"));
        };
        let fault = FaultSpec::from_map(word, &mut map)?;
        match map.next_key::<String>()? {
            None => Ok(fault),
            Some(second) => Err(de::Error::custom(format!(
                "a second fault, `{second}`, in one table: write one step for each"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for FaultSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::{FAULTS, FILES};

    #[test]
    fn each_file_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/faults");
        let names = |folder: &str| -> Vec<String> {
            std::fs::read_dir(folder)
                .expect("a folder of faults")
                .map(|entry| entry.expect("an entry of it").file_name().into_string())
                .map(|name| name.expect("a name in UTF-8"))
                .collect()
        };
        let mut found: Vec<String> = names(folder)
            .into_iter()
            .flat_map(|group| {
                let files = names(&format!("{folder}/{group}"));
                files.into_iter().map(move |file| format!("{group}/{file}"))
            })
            .collect();
        found.sort();
        let mut listed = FILES.to_vec();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }

    #[test]
    fn each_fault_says_what_it_does() {
        for fault in FAULTS {
            assert!(
                fault.about().ends_with('.'),
                "{}: `{}` is no sentence",
                fault.name,
                fault.about()
            );
        }
    }
}
