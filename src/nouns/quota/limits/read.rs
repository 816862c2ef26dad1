//! Reads limits from a file: TOML, or the output of `aws service-quotas`.
//!
//! ```toml
//! [[quota]]
//! resource = "fargate_vcpu"
//! account = "111122223333"      # optional, like region, cluster and service; default: all
//! region = "ap-northeast-1"
//! limit = 8
//! since = "2026-03-01T00:00Z"   # optional; default: always
//! ```

use super::{FARGATE, FARGATE_SPOT, Quota, Quotas, RESOURCES, WhatIf};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// An error in a file or a `--what-if` option, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuotaError(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    quota: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    resource: String,
    account: Option<toml::Value>,
    region: Option<String>,
    cluster: Option<String>,
    service: Option<String>,
    since: Option<toml::Value>,
    limit: toml::Value,
}

/// A quota as Service Quotas prints it.
#[derive(Debug, Deserialize)]
struct Printed {
    #[serde(rename = "QuotaCode")]
    code: Option<String>,
    #[serde(rename = "QuotaArn")]
    arn: Option<String>,
    #[serde(rename = "Value")]
    value: Option<f64>,
}

/// The quotas of Service Quotas that are replayed.
const CODES: &[(&str, &str)] = &[("L-3032A538", FARGATE), ("L-36FBB829", FARGATE_SPOT)];

impl Quotas {
    /// Adds the limits of a file, and returns their number.
    pub fn read(&mut self, text: &str) -> Result<usize, QuotaError> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let limits = if text.starts_with(['{', '[']) && !text.starts_with("[[") { printed(text)? } else { own(text)? };
        let count = limits.len();
        self.limits.extend(limits);
        Ok(count)
    }
}

impl WhatIf {
    /// Parses one `name=value`.
    pub fn set(&mut self, word: &str) -> Result<(), QuotaError> {
        let expected = || QuotaError(format!("`{word}`: expected limit=16, spot-limit=16 or task-vcpu=2"));
        let (name, value) = word.split_once('=').ok_or_else(expected)?;
        let value: f64 = value.trim().parse().map_err(|_| expected())?;
        if !(value.is_finite() && (0.0..=1e9).contains(&value)) {
            return Err(expected());
        }
        let slot = match name.trim() {
            "limit" => &mut self.limit,
            "spot-limit" => &mut self.spot_limit,
            "task-vcpu" if value > 0.0 => &mut self.task_vcpu,
            _ => return Err(expected()),
        };
        *slot = Some(value);
        Ok(())
    }
}

fn own(text: &str) -> Result<Vec<Quota>, QuotaError> {
    let file: File = toml::from_str(text).map_err(|error| QuotaError(error.to_string().trim_end().to_owned()))?;
    file.quota.into_iter().map(entry).collect()
}

fn entry(entry: Entry) -> Result<Quota, QuotaError> {
    if !RESOURCES.iter().any(|(name, _)| *name == entry.resource) {
        let known: Vec<&str> = RESOURCES.iter().map(|(name, _)| *name).collect();
        return Err(QuotaError(format!("unknown resource `{}`; expected one of {}", entry.resource, known.join(", "))));
    }
    let limit = match &entry.limit {
        toml::Value::Integer(limit) => *limit as f64,
        toml::Value::Float(limit) => *limit,
        _ => f64::NAN,
    };
    if !limit.is_finite() || limit < 0.0 {
        return Err(QuotaError(format!("limit {} of {}: expected a non-negative number", entry.limit, entry.resource)));
    }
    // Account ids are easily written without quotes.
    let account = entry.account.map(|account| match account {
        toml::Value::String(account) => account,
        other => other.to_string(),
    });
    let since = entry.since.as_ref().map(instant).transpose()?;
    let Entry { resource, region, cluster, service, .. } = entry;
    Ok(Quota { resource, account, region, cluster, service, since, limit })
}

fn instant(value: &toml::Value) -> Result<i64, QuotaError> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let day: Date = text.parse().ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    });
    match time {
        Some(time) => Ok(time.as_microsecond()),
        None => Err(QuotaError(format!("since `{text}`: expected a time such as 2026-03-01T00:00Z or a date"))),
    }
}

fn printed(text: &str) -> Result<Vec<Quota>, QuotaError> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| QuotaError(format!("invalid JSON: {error}")))?;
    let quotas = match &value {
        serde_json::Value::Object(object) => match (object.get("Quotas"), object.get("Quota")) {
            (Some(serde_json::Value::Array(all)), _) => all.clone(),
            (None, Some(one)) => vec![one.clone()],
            _ => Vec::new(),
        },
        serde_json::Value::Array(all) => all.clone(),
        _ => Vec::new(),
    };
    let known = |quota: serde_json::Value| {
        let quota: Printed = serde_json::from_value(quota).ok()?;
        let code = quota.code?;
        let (_, resource) = CODES.iter().find(|(known, _)| *known == code)?;
        let limit = quota.value.filter(|limit| limit.is_finite() && *limit >= 0.0)?;
        // arn:aws:servicequotas:REGION:ACCOUNT:fargate/CODE
        let arn = quota.arn.unwrap_or_default();
        let part = |index| arn.split(':').nth(index).filter(|part| !part.is_empty()).map(str::to_owned);
        let (region, account) = (part(3), part(4));
        Some(Quota { resource: (*resource).to_owned(), account, region, cluster: None, service: None, since: None, limit })
    };
    let limits: Vec<Quota> = quotas.into_iter().filter_map(known).collect();
    if limits.is_empty() {
        return Err(QuotaError(
            "no supported quota found; expected the output of `aws service-quotas list-service-quotas --service-code fargate` \
             (L-3032A538, L-36FBB829), or TOML with [[quota]]"
                .to_owned(),
        ));
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Quota>, String> {
        let mut quotas = Quotas::default();
        quotas.read(text).map_err(|error| error.to_string())?;
        Ok(quotas.limits)
    }

    #[test]
    fn what_service_quotas_prints_is_read() {
        let text = r#"{"Quotas":[{"QuotaCode":"L-3032A538","QuotaArn":"arn:aws:servicequotas:eu-west-1:111122223333:fargate/L-3032A538","Value":8.0},{"QuotaCode":"L-0","Value":3.0}]}"#;
        let limits = read(text).unwrap();
        assert_eq!(limits.len(), 1);
        assert_eq!((limits[0].account.as_deref(), limits[0].region.as_deref()), (Some("111122223333"), Some("eu-west-1")));
        let one = read(r#"{"Quota":{"QuotaCode":"L-36FBB829","Value":6.0}}"#).unwrap();
        assert_eq!((one[0].resource.as_str(), one[0].account.as_deref(), one[0].limit), (FARGATE_SPOT, None, 6.0));
        assert!(read(r#"{"Quotas":[]}"#).unwrap_err().contains("L-3032A538"));
        assert!(read("{").unwrap_err().contains("JSON"));
    }

    #[test]
    fn toml_of_ones_own_is_read() {
        let text = "[[quota]]\nresource = \"fargate_vcpu\"\naccount = 111122223333\nlimit = 8\nsince = 2026-03-01\n";
        let limits = read(text).unwrap();
        assert_eq!(limits[0].account.as_deref(), Some("111122223333"));
        assert_eq!(limits[0].since, Some(1_772_323_200_000_000));
        for wrong in [
            "[[quota]]\nresource = \"vcpu\"\nlimit = 8",
            "[[quota]]\nresource = \"eni\"\nlimit = -1",
            "[[quota]]\nresource = \"eni\"\nlimit = \"8\"",
            "[[quota]]\nresource = \"eni\"\nlimit = 8\nsince = \"soon\"",
            "[[quota]]\nresource = \"eni\"\nlimits = 8",
            "hello",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_if_takes_names_it_knows() {
        let mut what_if = WhatIf::default();
        for word in ["limit=16", "task-vcpu=0.5", "spot-limit = 4"] {
            what_if.set(word).unwrap();
        }
        assert_eq!(what_if, WhatIf { limit: Some(16.0), spot_limit: Some(4.0), task_vcpu: Some(0.5) });
        for word in ["limit", "limit=", "limit=many", "task-vcpu=0", "limit=-1", "limit=inf", "vcpu=2"] {
            assert!(what_if.set(word).is_err(), "{word}");
        }
    }
}
