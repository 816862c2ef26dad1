//! Lane charts: intervals and marks on a common time axis, one lane per thing.

use super::axis::TimeAxis;
use super::{GRID, TEXT, both, color, fitted};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::collections::BTreeMap;

const LANE: u32 = 30;
/// Marks that are closer than this fraction of the window are merged into a larger mark.
const BINS: i64 = 160;

/// A lane.
#[derive(Debug, Clone)]
pub struct Lane {
    /// The name.
    pub name: String,
    /// The series, which determines the color.
    pub series: usize,
    /// The marks.
    pub marks: Vec<Mark>,
}

/// A mark on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// An interval.
    Span(Timestamp, Timestamp),
    /// An event: a dot.
    Dot(Timestamp),
    /// A failure: a cross in the text color.
    Cross(Timestamp),
    /// An action by a user: a triangle.
    Triangle(Timestamp),
}

/// Draws lanes.
pub fn lanes(
    (id, title, text): (&str, &str, &str),
    window: (Timestamp, Timestamp),
    tz: &TimeZone,
    lanes: &[Lane],
) -> Result<(String, String), String> {
    both(|width| draw(window, tz, lanes, width).map_err(|error| error.to_string()), id, title, text)
}

type Area<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<TimeAxis, RangedCoordf64>>;

fn draw(window: (Timestamp, Timestamp), tz: &TimeZone, lanes: &[Lane], width: u32) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    let left = if width > 600 { 230 } else { 118 };
    let height = LANE * lanes.len() as u32 + 44;
    {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        let axis = TimeAxis::new(window, tz, ((width - left) / 84) as usize);
        let labels = axis.clone();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(8)
            .margin_left(left)
            .margin_right(12)
            .x_label_area_size(28)
            .build_cartesian_2d(axis, 0.0..lanes.len() as f64)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .axis_style(GRID)
            .bold_line_style(GRID)
            .label_style(("sans-serif", 15).into_font().color(&TEXT))
            .x_label_formatter(&|second| labels.label(*second))
            .draw()?;
        for (index, lane) in lanes.iter().enumerate() {
            let middle = (lanes.len() - index) as f64 - 0.5;
            name(&root, lane, index, left)?;
            let line = [(window.0.as_second(), middle), (window.1.as_second(), middle)];
            chart.draw_series(std::iter::once(PathElement::new(line, GRID)))?;
            marks(&mut chart, lane, middle, window)?;
        }
        root.present()?;
    }
    Ok(svg)
}

fn name(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    lane: &Lane,
    index: usize,
    left: u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let style = ("sans-serif", 15).into_font().color(&TEXT);
    let at = (4, 8 + (index as u32 * LANE + LANE / 2) as i32 - 6);
    root.draw(&Text::new(fitted(&lane.name, left - 12), at, style))?;
    Ok(())
}

fn marks(
    chart: &mut Area<'_, '_>,
    lane: &Lane,
    middle: f64,
    window: (Timestamp, Timestamp),
) -> Result<(), Box<dyn std::error::Error>> {
    let color = color(lane.series);
    let (from, until) = (window.0.as_second(), window.1.as_second());
    let bin = ((until - from) / BINS).max(1);
    let mut near: BTreeMap<(u8, i64), (i64, u32)> = BTreeMap::new();
    for mark in &lane.marks {
        let (sign, at) = match mark {
            Mark::Span(begin, end) => {
                // Very short intervals must stay visible.
                let (begin, end) = (begin.as_second().max(from), end.as_second().min(until));
                let end = end.max(begin + (until - from) / 250);
                let corners = [(begin, middle - 0.3), (end, middle + 0.3)];
                chart.draw_series(std::iter::once(Rectangle::new(corners, color.filled())))?;
                continue;
            }
            Mark::Dot(at) => (0, at),
            Mark::Cross(at) => (1, at),
            Mark::Triangle(at) => (2, at),
        };
        let at = at.as_second();
        let (sum, count) = near.entry((sign, (at - from) / bin)).or_default();
        *sum += at - from;
        *count += 1;
    }
    for ((sign, _), (sum, count)) in near {
        let at = (from + sum / i64::from(count), middle);
        let size = 4 + (f64::from(count).log2() * 1.5).round() as i32;
        match sign {
            0 => chart.draw_series(std::iter::once(Circle::new(at, size, color.filled())))?,
            1 => chart.draw_series(std::iter::once(Cross::new(at, size, TEXT.stroke_width(2))))?,
            _ => chart.draw_series(std::iter::once(TriangleMarker::new(at, size + 2, color.filled())))?,
        };
    }
    Ok(())
}
