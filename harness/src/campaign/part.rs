//! Which runs of a campaign are this machine's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::work::hash;

/// The number of a task in a Slurm array…
const SLURM: &str = "SLURM_ARRAY_TASK_ID";
/// …of which the array has the first, the last, and so many.
const ARRAY: [&str; 3] = [
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_MAX",
    "SLURM_ARRAY_TASK_COUNT",
];
/// The number of a pod in an indexed Job…
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";
/// …and of how many, which is for the user to say.
const PARTITIONS: &str = "TRIBUNAL_PARTITIONS";

/// The variables of an environment, by their names.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A part of a campaign: the first of eight is 1 of 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Part {
    /// Every so many runs, in their order: parts of one size.
    Count {
        /// Which.
        number: u32,
        /// Of how many.
        of: u32,
    },
    /// By the runs' names: a run stays in its part when others come or go.
    Hash {
        /// Which.
        number: u32,
        /// Of how many.
        of: u32,
    },
}

impl Part {
    /// Whether a run belongs to it, by its place among all runs and its name.
    pub fn has(self, place: usize, name: &str) -> bool {
        match self {
            Self::Count { number, of } => place as u64 % u64::from(of) == u64::from(number) - 1,
            Self::Hash { number, of } => hash([name]) % u64::from(of) == u64::from(number) - 1,
        }
    }

    /// What the scheduler that started this process says, by what variable: `Ok(None)` where none did.
    ///
    /// Kubernetes numbers the pods of an indexed Job from 0 and does not say how many there are: `TRIBUNAL_PARTITIONS` does
    /// (`JOB_COMPLETION_INDEX`: Kubernetes, "Indexed Job for Parallel Processing"). Slurm numbers as the user asks, and says
    /// the first, the last and the count (`SLURM_ARRAY_TASK_…`: sbatch(1), "OUTPUT ENVIRONMENT VARIABLES").
    pub fn from_environment(get: Variables<'_>) -> Result<Option<(Self, &'static str)>, String> {
        if let Some(part) = of_array(get)? {
            return Ok(Some((part, SLURM)));
        }
        let Some(index) = number(get, KUBERNETES)? else {
            return Ok(None);
        };
        let Some(of) = number(get, PARTITIONS)? else {
            return Err(format!(
                "{KUBERNETES} is {index}, and Kubernetes does not say of how many: set {PARTITIONS} to the Job's `completions`"
            ));
        };
        let part = format!("count:{}/{of}", u64::from(index) + 1).parse()?;
        Ok(Some((part, KUBERNETES)))
    }
}

/// The part that a task of a Slurm array has.
fn of_array(get: Variables<'_>) -> Result<Option<Part>, String> {
    let Some(id) = number(get, SLURM)? else {
        return Ok(None);
    };
    let [min, max, of] = ARRAY.map(|name| number(get, name));
    let (Some(min), Some(max), Some(of)) = (min?, max?, of?) else {
        return Err(format!("{SLURM} is set, but not all of {}", ARRAY.join(", ")));
    };
    let gaps = || {
        format!(
            "{SLURM} is {id} in an array of {of} tasks from {min} to {max}: give an array without gaps, such as 1-{of}"
        )
    };
    let width = max.checked_sub(min).ok_or_else(gaps)?;
    let step = width.checked_div(of.saturating_sub(1)).unwrap_or(1).max(1);
    if !(min..=max).contains(&id) || (id - min) % step != 0 || width / step + 1 != of {
        return Err(gaps());
    }
    let number = (id - min) / step + 1;
    Ok(Some(Part::Count { number, of }))
}

fn number(get: Variables<'_>, name: &str) -> Result<Option<u32>, String> {
    let Some(text) = get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text.parse().map(Some);
    number.map_err(|_| format!("{name} is `{text}`, and has to be a number"))
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` is no part: give count:2/8 or hash:2/8, the second of eight");
        let (kind, numbers) = text.split_once(':').ok_or_else(form)?;
        let (number, of) = numbers.split_once('/').ok_or_else(form)?;
        let number: u32 = number.parse().map_err(|_| form())?;
        let of: u32 = of.parse().map_err(|_| form())?;
        if number == 0 || number > of {
            return Err(format!("there is no part {number} of {of}: they are 1 to {of}"));
        }
        match kind {
            "count" => Ok(Self::Count { number, of }),
            "hash" => Ok(Self::Hash { number, of }),
            _ => Err(form()),
        }
    }
}

impl TryFrom<String> for Part {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Part> for String {
    fn from(part: Part) -> Self {
        part.to_string()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { number, of } => write!(out, "count:{number}/{of}"),
            Self::Hash { number, of } => write!(out, "hash:{number}/{of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part;
    use proptest::prelude::*;

    #[test]
    fn parts_are_read_and_written() {
        for text in ["count:1/1", "hash:8/8", "count:2/8"] {
            let part: Part = text.parse().expect("it is one");
            assert_eq!(part.to_string(), text);
        }
        for text in [
            "count:0/8",
            "count:9/8",
            "2/8",
            "count:2",
            "half:1/2",
            "count:a/b",
            "hash:1/0",
        ] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }

    fn by(variables: &'static [(&'static str, &'static str)]) -> Result<Option<String>, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let part = Part::from_environment(&get)?;
        Ok(part.map(|(part, by)| format!("{part} by {by}")))
    }

    #[test]
    fn schedulers_say_which_part_is_this_machines() {
        assert_eq!(by(&[]), Ok(None));
        let kubernetes = by(&[("JOB_COMPLETION_INDEX", "0"), ("TRIBUNAL_PARTITIONS", "4")]);
        assert_eq!(
            kubernetes,
            Ok(Some("count:1/4 by JOB_COMPLETION_INDEX".to_owned()))
        );
        let slurm = |id, min, max, count| {
            let variables = vec![
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_MAX", max),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ];
            by(variables.leak())
        };
        for (id, min, max, count, part) in [
            ("3", "1", "4", "4", "count:3/4"),
            ("0", "0", "7", "8", "count:1/8"),
            ("5", "1", "7", "4", "count:3/4"),
            ("2", "2", "2", "1", "count:1/1"),
        ] {
            let expected = format!("{part} by SLURM_ARRAY_TASK_ID");
            assert_eq!(slurm(id, min, max, count), Ok(Some(expected)));
        }
        // 1,2,7 has gaps.
        assert!(slurm("2", "1", "7", "3").is_err());
        assert!(by(&[("SLURM_ARRAY_TASK_ID", "1")]).is_err());
        assert!(by(&[("JOB_COMPLETION_INDEX", "1")]).is_err());
        assert!(by(&[("JOB_COMPLETION_INDEX", "4"), ("TRIBUNAL_PARTITIONS", "4")]).is_err());
        assert!(by(&[("JOB_COMPLETION_INDEX", "x"), ("TRIBUNAL_PARTITIONS", "4")]).is_err());
    }

    proptest! {
        /// Every run is in one part, whatever it is called.
        #[test]
        fn every_run_is_in_one_part(place in 0..10_000_usize, name in ".*", of in 1..20_u32, by_hash: bool) {
            let part = |number| if by_hash { Part::Hash { number, of } } else { Part::Count { number, of } };
            let has = (1..=of).filter(|number| part(*number).has(place, &name)).count();
            prop_assert_eq!(has, 1);
        }
    }
}
