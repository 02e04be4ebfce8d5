//! The links between the places of a simulated cluster, and the cuts in force on them.

use crate::Deeds;
use crate::environment::{Cut, Place};

/// What a message counts for in the report of a cut.
const MESSAGE_BYTES: u64 = 100;

/// One message on its way: from where to where, to which service, and whether it is the service's answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) port: u16,
    pub(super) answer: bool,
}

/// The cuts in force.
#[derive(Debug, Default)]
pub(super) struct Links {
    cuts: Vec<(u64, Cut)>,
    reports: Vec<Deeds>,
}

impl Links {
    pub(super) fn cut(&mut self, cuts: &[Cut]) -> u64 {
        let id = self.reports.len() as u64;
        self.reports.push(Deeds::default());
        self.cuts.extend(cuts.iter().map(|cut| (id, *cut)));
        id
    }

    pub(super) fn report(&self, id: u64) -> Deeds {
        self.reports.get(id as usize).copied().unwrap_or_default()
    }

    pub(super) fn heal(&mut self, id: u64) -> Deeds {
        self.cuts.retain(|(of, _)| *of != id);
        self.report(id)
    }

    pub(super) fn heal_all(&mut self) {
        self.cuts.clear();
    }

    /// Whether the message gets through; one that does not is counted by each cut that would have dropped it.
    pub(super) fn carry(&mut self, frame: Frame) -> bool {
        let mut carried = true;
        for (id, cut) in &self.cuts {
            if drops(cut, frame) {
                let report = &mut self.reports[*id as usize];
                report.dropped.frames += 1;
                report.dropped.bytes += MESSAGE_BYTES;
                carried = false;
            }
        }
        carried
    }

    /// Whether a message would get through.
    pub(super) fn is_open(&self, frame: Frame) -> bool {
        !self.cuts.iter().any(|(_, cut)| drops(cut, frame))
    }
}

/// A request goes to the service's port, an answer comes from it; the other end's port is nobody's.
fn drops(cut: &Cut, frame: Frame) -> bool {
    let of_service =
        |wanted: Option<u16>, is_service: bool| wanted.is_none_or(|port| is_service && port == frame.port);
    cut.from == frame.from
        && cut.to == frame.to
        && of_service(cut.destination_port, !frame.answer)
        && of_service(cut.source_port, frame.answer)
}

#[cfg(test)]
mod tests {
    use super::{Frame, Links};
    use crate::environment::{Cut, Place};

    fn frame(from: u32, to: u32, port: u16, answer: bool) -> Frame {
        Frame {
            from: Place::Node(from),
            to: Place::Node(to),
            port,
            answer,
        }
    }

    #[test]
    fn a_cut_of_one_service_leaves_the_others() {
        let mut links = Links::default();
        let id = links.cut(&[Cut {
            from: Place::Node(1),
            to: Place::Node(2),
            destination_port: Some(9092),
            source_port: None,
        }]);
        assert!(!links.carry(frame(1, 2, 9092, false)));
        assert!(links.carry(frame(1, 2, 9093, false)));
        assert!(
            links.carry(frame(1, 2, 9092, true)),
            "an answer comes from the port"
        );
        assert!(links.carry(frame(2, 1, 9092, false)), "the other direction");
        assert_eq!(links.heal(id).dropped.frames, 1);
        assert!(links.carry(frame(1, 2, 9092, false)));
    }
}
