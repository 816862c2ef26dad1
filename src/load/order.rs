//! Decides the order in which files are read: S3 deliveries are read day by day.
//!
//! CloudTrail groups its S3 keys by account and region first, then by day. In that order, rows of all days would pile
//! up in many small batches; day by day, there are a few large ones. Only files of the same delivery are reordered;
//! other copies of its records keep their place by name, before or after the delivery.

use crate::discover::Input;

/// The inputs in reading order, with their original positions.
pub(super) fn day_by_day(inputs: &[Input]) -> Vec<(usize, &Input)> {
    let mut ordered: Vec<(usize, &Input)> = inputs.iter().enumerate().collect();
    ordered.sort_by_cached_key(|(place, input)| (sort_key(&input.name), *place));
    ordered
}

/// The delivery folder and the day; for any other file, its name. S3 keys have the form
/// `AWSLogs/[ORGANIZATION/]ACCOUNT/SERVICE/REGION/2026/03/04/FILE`, below any prefix
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>).
fn sort_key(name: &str) -> (&str, Option<&str>) {
    const ROOT: &str = "AWSLogs/";
    const DAY: &[u8] = b"2026/03/04";
    let delivered = || {
        let root = name.find(ROOT)? + ROOT.len();
        let (folder, _) = name.rsplit_once('/')?;
        let day = folder.get(folder.len().checked_sub(DAY.len())?..)?;
        let is_day = day.bytes().zip(DAY).all(|(byte, like)| if *like == b'/' { byte == b'/' } else { byte.is_ascii_digit() });
        is_day.then_some((name.get(..root)?, Some(day)))
    };
    delivered().unwrap_or((name, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Source;

    #[test]
    fn a_delivery_is_read_by_its_days() {
        let names = [
            "a.json",
            "x/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04/1.json.gz",
            "x/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/05/2.json.gz",
            "x/AWSLogs/o-1a2b3c/444455556666/CloudTrail/us-east-1/2026/03/04/3.json.gz",
            "x/AWSLogs/o-1a2b3c/444455556666/CloudTrail/us-east-1/2026/03/05/4.json.gz",
            "y/2026/03/04/5.json",
            "y/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/6.json.gz",
        ];
        let input = |name: &&str| Input { source: Source::Stdin, name: (*name).into(), folder: None, size: 0, modified: None };
        let inputs: Vec<Input> = names.iter().map(input).collect();
        let places: Vec<usize> = day_by_day(&inputs).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, [0, 1, 3, 2, 4, 5, 6]);
    }
}
