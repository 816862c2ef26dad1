//! The reference point for relative times: the newest event, the clock, or a time.

use super::dataset::Dataset;
use super::error::AppError;
use super::times::on_the_clock;
use crate::config::Setting;
use crate::context::Context;
use crate::lang::Checked;
use crate::lang::time::read_instant;
use crate::render::describe_instant;
use jiff::Timestamp;

/// The reference point for relative times.
pub struct Anchor {
    /// The time.
    pub time: Timestamp,
    /// Its description, unless it is the newest event.
    name: Option<String>,
}

impl Anchor {
    /// The reference point that a setting names: `latest`, `now` or a time.
    pub fn new(setting: &Setting<String>, tables: &Dataset, context: &Context) -> Result<Anchor, AppError> {
        let Setting { value: text, origin } = setting;
        if text == "latest" {
            return Ok(Anchor { time: tables.last.unwrap_or(context.now), name: None });
        }
        if text == "now" {
            return Ok(Anchor { time: context.now, name: Some("the clock".to_owned()) });
        }
        let wrong = || {
            AppError::Sentence(format!(
                "{origin} `{text}`: expected now, latest, or a time such as 2026-03-04T12:00Z or 2026-03-04"
            ))
        };
        let instant = read_instant(text, 0..text.len()).map_err(|_| wrong())?;
        let time = on_the_clock(instant, context).ok_or_else(wrong)?;
        Ok(Anchor { time, name: Some(describe_instant(time, &context.tz)) })
    }

    /// Whether it is the newest event.
    pub fn is_newest_event(&self) -> bool {
        self.name.is_none()
    }

    /// Adds the reference point to the description of the window.
    pub fn describe_origin(&self, checked: &mut Checked) {
        if let Some(name) = &self.name {
            checked.window.origin = checked.window.origin.replace("newest event", name);
        }
    }
}
