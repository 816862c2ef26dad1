//! Bars over time, stacked by series.

use super::axis::{CountAxis, TimeAxis};
use super::{GRID, TEXT, both, color};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use plotters::prelude::*;

const HEIGHT: u32 = 300;

/// The input of a stacked chart.
pub struct Bars<'a> {
    /// The id on the page.
    pub id: &'a str,
    /// The title.
    pub title: &'a str,
    /// The description.
    pub text: &'a str,
    /// The window.
    pub window: (Timestamp, Timestamp),
    /// The time zone of the axis.
    pub tz: &'a TimeZone,
    /// The start of each bar.
    pub starts: &'a [Timestamp],
    /// The width of a bar in seconds.
    pub width: i64,
    /// The values of each series, per bar.
    pub values: &'a [Vec<f64>],
    /// The color of each series.
    pub colors: &'a [usize],
    /// A limit over time: its value from each time on.
    pub limit: &'a [(Timestamp, f64)],
}

/// Draws the chart.
pub fn stacked(bars: &Bars<'_>) -> Result<(String, String), String> {
    both(|width| draw(bars, width).map_err(|error| error.to_string()), bars.id, bars.title, bars.text)
}

fn draw(bars: &Bars<'_>, width: u32) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width, HEIGHT)).into_drawing_area();
        let axis = TimeAxis::new(bars.window, bars.tz, (width / 85) as usize);
        let largest = bars.values.iter().map(|values| values.iter().sum::<f64>()).fold(1.0, f64::max);
        let largest = bars.limit.iter().map(|(_, limit)| *limit).fold(largest, f64::max);
        let labels = axis.clone();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(10)
            .margin_right(12)
            .x_label_area_size(28)
            .y_label_area_size(44)
            .build_cartesian_2d(axis, CountAxis { largest })?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(GRID)
            .bold_line_style(GRID)
            .label_style(("sans-serif", 15).into_font().color(&TEXT))
            .y_label_formatter(&|count| count.to_string())
            .x_label_formatter(&|second| labels.label(*second))
            .draw()?;
        let (from, until) = (bars.window.0.as_second(), bars.window.1.as_second());
        for (start, values) in bars.starts.iter().zip(bars.values) {
            let (left, right) = (start.as_second().max(from), (start.as_second() + bars.width).min(until));
            let mut floor = 0.0;
            for (series, value) in values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
                let corners = [(left, floor), (right, floor + value)];
                chart.draw_series(std::iter::once(Rectangle::new(
                    corners,
                    color(bars.colors.get(series).copied().unwrap_or(series)).filled(),
                )))?;
                floor += value;
            }
        }
        let ends = bars.limit.iter().skip(1).map(|(at, _)| *at).chain([bars.window.1]);
        for ((at, limit), end) in bars.limit.iter().zip(ends) {
            let line = [(at.as_second().max(from), *limit), (end.as_second().min(until), *limit)];
            chart.draw_series(std::iter::once(PathElement::new(line, TEXT.stroke_width(2))))?;
        }
        root.present()?;
    }
    Ok(svg)
}
