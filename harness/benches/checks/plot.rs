//! How time and memory grow with a history's length, as a picture: both axes logarithmic, so that linear growth
//! is a straight line at the angle of the dashed one.

use std::fmt::Write;

use crate::child::Kind;
use crate::figures::{Doing, Figures, thousands};
use crate::measure::Usage;

/// Pixels of one of the two pictures, margins included.
const WIDTH: f64 = 470.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 80.0;
const BOTTOM: f64 = 48.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 40.0;

/// What is drawn, how it is called and its colour.
const LINES: [(Kind, Doing, &str, &str); 5] = [
    (Kind::Kafka, Doing::Check, "kafka", "#c2410c"),
    (Kind::Kafka, Doing::ParseOnly, "kafka, reading alone", "#fdba74"),
    (Kind::ListAppend, Doing::Check, "list-append", "#1d4ed8"),
    (
        Kind::ListAppend,
        Doing::ParseOnly,
        "list-append, reading alone",
        "#93c5fd",
    ),
    (Kind::ListAppend, Doing::Peer, "list-append by adya", "#6b7280"),
];

/// How linear growth is drawn, for the eye.
const LINEAR: &str = "stroke=\"#9ca3af\" stroke-dasharray=\"4 4\"";

/// One picture's quantity.
struct Quantity {
    title: &'static str,
    of: fn(&Usage) -> f64,
    unit: &'static str,
}

const QUANTITIES: [Quantity; 2] = [
    Quantity {
        title: "CPU time",
        of: |usage| usage.cpu.as_secs_f64(),
        unit: " s",
    },
    Quantity {
        title: "Greatest resident memory",
        of: |usage| usage.memory as f64 / 1e6,
        unit: " MB",
    },
];

/// Draws all that was measured in several lengths.
pub fn growth(figures: &Figures) -> String {
    let (width, height) = (WIDTH * 2.0, HEIGHT + 20.0 * (LINES.len() + 1) as f64);
    let mut svg = String::new();
    add(
        &mut svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\" fill=\"#374151\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        ),
    );
    for (place, quantity) in QUANTITIES.iter().enumerate() {
        add(
            &mut svg,
            format_args!("<g transform=\"translate({} 0)\">\n", place as f64 * WIDTH),
        );
        panel(&mut svg, figures, quantity);
        svg.push_str("</g>\n");
    }
    for (place, (_, _, name, colour)) in LINES.iter().enumerate() {
        legend(
            &mut svg,
            place,
            name,
            &format!("stroke=\"{colour}\" stroke-width=\"3\""),
        );
    }
    legend(&mut svg, LINES.len(), "linear growth", LINEAR);
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String, place: usize, name: &str, stroke: &str) {
    let (y, end) = (HEIGHT + 20.0 * place as f64 + 8.0, LEFT + 28.0);
    add(
        svg,
        format_args!(
            "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\" {stroke}/><text x=\"{}\" y=\"{}\">{name}</text>\n",
            end + 10.0,
            y + 4.0
        ),
    );
}

fn panel(svg: &mut String, figures: &Figures, quantity: &Quantity) {
    let lines: Vec<(Vec<(f64, f64)>, &str)> = LINES
        .iter()
        .map(|(kind, doing, _, colour)| {
            let rows = figures.growth(*kind, *doing);
            let points = rows
                .iter()
                .map(|(operations, usage)| (*operations as f64, (quantity.of)(usage)))
                .collect();
            (points, *colour)
        })
        .collect();
    let all = || lines.iter().flat_map(|(points, _)| points);
    let across = Scale::of(all().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let up = Scale::of(all().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    add(
        svg,
        format_args!(
            "<text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{}</text>\n",
            quantity.title
        ),
    );
    axes(svg, &across, &up, quantity.unit);
    let decades = (across.last - across.first).min(up.last - up.first);
    add(
        svg,
        format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {LINEAR}/>\n",
            across.at(across.first),
            up.at(up.first),
            across.at(across.first + decades),
            up.at(up.first + decades)
        ),
    );
    for (points, colour) in &lines {
        let mut path = String::new();
        for (x, y) in points {
            let (x, y) = (across.at(x.log10()), up.at(y.log10()));
            add(&mut path, format_args!("{x:.1},{y:.1} "));
            add(
                svg,
                format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\n"),
            );
        }
        add(
            svg,
            format_args!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
                path.trim_end()
            ),
        );
    }
}

fn axes(svg: &mut String, across: &Scale, up: &Scale, unit: &str) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for decade in across.decades() {
        let x = across.at(f64::from(decade));
        add(
            svg,
            format_args!(
                "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#e5e7eb\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                bottom + 18.0,
                thousands(10_f64.powi(decade) as u64)
            ),
        );
    }
    for decade in up.decades() {
        let y = up.at(f64::from(decade));
        add(
            svg,
            format_args!(
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#e5e7eb\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}{unit}</text>\n",
                LEFT - 6.0,
                y + 4.0,
                amount(decade)
            ),
        );
    }
    add(
        svg,
        format_args!(
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">operations</text>\n",
            f64::midpoint(LEFT, right),
            bottom + 36.0
        ),
    );
}

/// A power of ten as people write it.
fn amount(decade: i32) -> String {
    let value = 10_f64.powi(decade);
    if decade < 0 {
        value.to_string()
    } else {
        thousands(value as u64)
    }
}

/// A logarithmic axis of whole decades.
struct Scale {
    first: f64,
    last: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| *value > 0.0) {
            least = least.min(value.log10());
            most = most.max(value.log10());
        }
        if least > most {
            (least, most) = (0.0, 1.0);
        }
        Self {
            first: least.floor(),
            last: most.ceil().max(least.floor() + 1.0),
            from,
            to,
        }
    }

    fn at(&self, logarithm: f64) -> f64 {
        self.from + (self.to - self.from) * (logarithm - self.first) / (self.last - self.first)
    }

    fn decades(&self) -> std::ops::RangeInclusive<i32> {
        self.first as i32..=self.last as i32
    }
}

fn add(svg: &mut String, text: std::fmt::Arguments) {
    svg.write_fmt(text).expect("a string takes all");
}
