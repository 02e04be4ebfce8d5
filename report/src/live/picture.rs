//! Acknowledged writes so far as columns, with the times of faults behind them.

use maud::{Markup, html};

use super::LiveRun;
use crate::format::{coordinate, count};

/// The view's height; its width is a unit a nanosecond of ten million.
const HEIGHT: f64 = 100.0;
const UNIT: f64 = 1e7;

/// The picture, once there is something to draw.
pub(super) fn picture(run: &LiveRun) -> Markup {
    let most = run.rate.columns.iter().copied().max().unwrap_or(0).max(1);
    let whole = (run.time as f64 / UNIT).max(1.0);
    let width = run.rate.width as f64 / UNIT;
    html! {
        figure {
            svg.rate-picture viewBox=(format!("0 0 {} {HEIGHT}", coordinate(whole))) preserveAspectRatio="none" aria-hidden="true" {
                @for fault in run.faults.values() {
                    @let until = fault.until.unwrap_or(run.time);
                    rect.in-force x=(coordinate(fault.from as f64 / UNIT)) width=(coordinate((until.saturating_sub(fault.from)) as f64 / UNIT)) y="0" height=(HEIGHT) {}
                }
                @for (place, writes) in run.rate.columns.iter().enumerate() {
                    @let height = *writes as f64 / most as f64 * HEIGHT;
                    rect x=(coordinate(place as f64 * width)) width=(coordinate(width * 0.92)) y=(coordinate(HEIGHT - height)) height=(coordinate(height)) {}
                }
            }
            figcaption {
                "Acknowledged writes from the start until now, " (run.rate.width / 1_000_000_000) " s a column, at most "
                (count((most as f64 * 1e9 / run.rate.width as f64).round() as u64)) " a second; shaded while a fault was in force."
            }
        }
    }
}
