//! Charts as SVG with real text, drawn for wide and for narrow pages.
//!
//! In: plain numbers and times. Out: SVG without scripts. The SVG contains the colors of the light theme; the style
//! sheet of the page matches these values and replaces them with patterns and with dark-theme colors, so that series
//! can be distinguished without color.

mod axis;
mod lanes;
mod stacked;

pub use lanes::{Lane, Mark, lanes};
pub use stacked::{Bars, stacked};

use super::preview::Preview;
use crate::render::visible;
use plotters::style::RGBColor;
use serde::Serialize;

/// The colors of the series (after Okabe and Ito, distinguishable for color-blind readers); the last one is for the
/// rest.
pub const SERIES: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x8C, 0x6B, 0xB1),
    RGBColor(0x99, 0x99, 0x99),
];
const TEXT: RGBColor = RGBColor(0x1A, 0x1A, 0x1A);
const GRID: RGBColor = RGBColor(0xD8, 0xD8, 0xD8);
const WIDE: u32 = 960;
const NARROW: u32 = 372;

/// A chart of the page.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// The id on the page.
    pub id: String,
    /// The title, with the unit.
    pub title: String,
    /// A one-sentence description, also for screen readers.
    pub text: String,
    /// The drawing for a wide page.
    pub wide: String,
    /// The drawing for a narrow page.
    pub narrow: String,
    /// The legend.
    pub legend: Vec<Key>,
    /// The data of the chart.
    pub table: Preview,
}

/// An entry of the legend.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    /// The color, as in the drawing.
    pub color: String,
    /// `box`, `dot`, `cross` or `triangle`.
    pub sign: &'static str,
    /// The meaning.
    pub label: String,
}

impl Key {
    /// The sign of a series.
    pub fn of(series: usize, sign: &'static str, label: String) -> Key {
        Key { color: hex(color(series)), sign, label }
    }
}

/// The color of a series.
pub fn color(series: usize) -> RGBColor {
    *SERIES.get(series).unwrap_or(&SERIES[SERIES.len() - 1])
}

fn hex(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

/// Draws both widths.
fn both(draw: impl Fn(u32) -> Result<String, String>, id: &str, title: &str, text: &str) -> Result<(String, String), String> {
    let named = |svg: String, class: &str| {
        let head = format!("<svg role=\"img\" aria-labelledby=\"{id}-{class}-t {id}-{class}-d\" class=\"chart {class}\" ");
        let title = escaped(title);
        let text = escaped(text);
        let inner = format!("<title id=\"{id}-{class}-t\">{title}</title><desc id=\"{id}-{class}-d\">{text}</desc>");
        let svg = svg.replacen("<svg ", &head, 1);
        match svg.split_once(">\n") {
            Some((open, rest)) => format!("{open}>{inner}\n{rest}"),
            None => svg,
        }
    };
    Ok((named(draw(WIDE)?, "wide"), named(draw(NARROW)?, "narrow")))
}

fn escaped(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Shortens a text to a width in pixels, at about seven pixels per character.
fn fitted(text: &str, pixels: u32) -> String {
    let most = (pixels / 7).max(4) as usize;
    let text = visible(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let begin: String = text.chars().take(most - 1).collect();
    format!("{begin}…")
}

#[cfg(test)]
mod tests;
