//! The same as pictures: a mark for each failover.

use std::fmt::Write;

use super::{BY_SHAPE, BY_TIMEOUTS, FAULTS, FailoverRun, Sample, Sides, Taken, sweep};
use crate::format::coordinate;

/// Pixels of a picture, margins included.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 44.0;
/// The height of a row of marks.
const ROW: f64 = 26.0;
/// The height of the sweep's picture.
const HEIGHT: f64 = 420.0;
/// The colours of the timeouts, in their order.
const TIMEOUTS: [&str; 2] = ["#c2410c", "#1d4ed8"];
/// The colours of the sizes and of the shapes, in their order.
const COLOURS: [&str; 6] = ["#1d4ed8", "#c2410c", "#047857", "#7c3aed", "#6b7280", "#a16207"];

/// Seconds on an axis.
struct Axis {
    most: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn of<'s>(samples: impl Iterator<Item = &'s Sample>, from: f64, to: f64) -> Self {
        let longest = samples.map(|sample| sample.nanos).max().unwrap_or(0) as f64 / 1e9;
        let step = if longest > 12.0 {
            5.0
        } else if longest > 4.0 {
            2.0
        } else {
            1.0
        };
        let most = step * (longest / step).ceil().max(1.0);
        Self { most, step, from, to }
    }

    fn at(&self, seconds: f64) -> f64 {
        self.from + (self.to - self.from) * seconds / self.most
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = (self.most / self.step).round() as u32;
        let step = self.step;
        (0..=count).map(move |tick| f64::from(tick) * step)
    }
}

/// A mark for each failover, in rows by fault and what it took away, coloured by the brokers' timeouts.
pub fn failover_plot(runs: &[FailoverRun]) -> String {
    rows_plot(runs, &BY_TIMEOUTS, &TIMEOUTS, false)
}

/// The same, coloured by the clusters' shapes.
pub fn shape_plot(runs: &[FailoverRun]) -> String {
    rows_plot(runs, &BY_SHAPE, &COLOURS[..BY_SHAPE.names.len()], true)
}

fn rows_plot(runs: &[FailoverRun], sides: &Sides, colours: &[&str], without_empty: bool) -> String {
    let all = FAULTS
        .iter()
        .flat_map(|(kind, name)| Taken::ALL.map(|taken| (*kind, *name, taken)));
    let rows: Vec<(String, Vec<Vec<Sample>>)> = all
        .filter_map(|(kind, name, taken)| {
            let samples = sides.samples(runs, kind, taken);
            let is_shown = !(without_empty || taken.is_of_one_shape()) || !samples.iter().all(Vec::is_empty);
            is_shown.then(|| (format!("{name} of {}", taken.text()), samples))
        })
        .collect();
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let axis = Axis::of(
        rows.iter().flat_map(|(_, samples)| samples.iter().flatten()),
        LEFT,
        WIDTH - RIGHT,
    );
    let mut svg = begin(height, "Seconds without a successful write, acks=all");
    for tick in axis.ticks() {
        let x = axis.at(tick);
        line(&mut svg, (x, TOP), (x, height - BOTTOM));
        text(
            &mut svg,
            (x, height - BOTTOM + 18.0),
            "middle",
            &format!("{tick} s"),
        );
    }
    let middle_side = (sides.names.len() as f64 - 1.0) / 2.0;
    for (place, (name, samples)) in rows.iter().enumerate() {
        let middle = TOP + ROW * (place as f64 + 0.5);
        text(&mut svg, (LEFT - 10.0, middle + 4.0), "end", name);
        for (side, (samples, colour)) in samples.iter().zip(colours).enumerate() {
            let y = middle + 8.0 * (side as f64 - middle_side);
            for sample in samples {
                mark(&mut svg, (axis.at(sample.nanos as f64 / 1e9), y), colour);
            }
        }
    }
    let legend = WIDTH - RIGHT + 10.0 - 90.0 * sides.names.len() as f64;
    for (place, (name, colour)) in sides.names.iter().zip(colours).enumerate() {
        let x = legend + 90.0 * place as f64;
        square(&mut svg, (x, 18.0), colour);
        text(&mut svg, (x + 14.0, 27.0), "start", name);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A mark for each failover of a killed leader over the delay of the links, coloured by the cluster's size; lines join the
/// middle ones.
pub fn sweep_plot(runs: &[FailoverRun]) -> String {
    let all = sweep(runs);
    let mut delays: Vec<u64> = all.keys().map(|(_, delay)| *delay).collect();
    delays.sort_unstable();
    delays.dedup();
    let mut sizes: Vec<u32> = all.keys().map(|(nodes, _)| *nodes).collect();
    sizes.dedup();
    let axis = Axis::of(all.values().flatten(), HEIGHT - BOTTOM, TOP);
    let left = 70.0;
    let room = (WIDTH - left - RIGHT) / delays.len().max(1) as f64;
    let across = |delay: u64, size: usize| {
        let place = delays.iter().position(|of| *of == delay).unwrap_or(0) as f64;
        left + room * (place + 0.5) + 14.0 * (size as f64 - (sizes.len() as f64 - 1.0) / 2.0)
    };
    let mut svg = begin(
        HEIGHT,
        "Seconds without a successful write after the leader was killed",
    );
    for tick in axis.ticks() {
        let y = axis.at(tick);
        line(&mut svg, (left, y), (WIDTH - RIGHT, y));
        text(&mut svg, (left - 8.0, y + 4.0), "end", &format!("{tick} s"));
    }
    for delay in &delays {
        let x = left + room * (delays.iter().position(|of| of == delay).unwrap_or(0) as f64 + 0.5);
        text(
            &mut svg,
            (x, HEIGHT - BOTTOM + 20.0),
            "middle",
            &format!("{delay} ms a packet"),
        );
    }
    for (place, nodes) in sizes.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let mut joined = String::new();
        for (delay, samples) in delays
            .iter()
            .filter_map(|delay| Some((*delay, all.get(&(*nodes, *delay))?)))
        {
            let x = across(delay, place);
            for sample in samples {
                mark(&mut svg, (x, axis.at(sample.nanos as f64 / 1e9)), colour);
            }
            if let Some(spread) = checkers::Spread::of(samples.iter().map(|sample| sample.nanos)) {
                let y = axis.at(spread.median as f64 / 1e9);
                add(&mut joined, format_args!("{},{} ", coordinate(x), coordinate(y)));
            }
        }
        add(
            &mut svg,
            format_args!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>\n",
                joined.trim_end()
            ),
        );
        let x = WIDTH - RIGHT - 90.0 * (sizes.len() - place) as f64;
        square(&mut svg, (x, 18.0), colour);
        text(&mut svg, (x + 14.0, 27.0), "start", &format!("{nodes} nodes"));
    }
    svg.push_str("</svg>\n");
    svg
}

fn begin(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\" \
         fill=\"#374151\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"27\" font-size=\"14\">{title}</text>\n",
        coordinate(WIDTH),
        coordinate(height)
    )
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    add(
        svg,
        format_args!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#e5e7eb\"/>\n",
            coordinate(from.0),
            coordinate(from.1),
            coordinate(to.0),
            coordinate(to.1)
        ),
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let (x, y) = (coordinate(x), coordinate(y));
    add(
        svg,
        format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>\n"),
    );
}

fn square(svg: &mut String, (x, y): (f64, f64), colour: &str) {
    add(
        svg,
        format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\n"),
    );
}

fn mark(svg: &mut String, (x, y): (f64, f64), colour: &str) {
    let (x, y) = (coordinate(x), coordinate(y));
    add(
        svg,
        format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{colour}\" fill-opacity=\"0.55\"/>\n"),
    );
}

fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes all");
}
