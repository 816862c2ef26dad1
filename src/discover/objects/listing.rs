//! Lists the objects below a prefix, folder by folder at the same time, without those that a selection leaves out.
//!
//! In: a prefix, and the rule for what is left out. Out: the objects, sorted by key. A delivery is descended to the folders
//! of its days, which are then listed as a whole.

use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use std::collections::BTreeSet;

/// Requests at the same time. S3 answers thousands per second and prefix.
const AT_ONCE: usize = 32;
/// Folders below `AWSLogs` before the year: organization, account, service and Region.
const BEFORE_YEAR: usize = 4;
/// Levels that are descended outside a delivery.
const LEVELS: usize = 3;
/// A folder with more folders than this is listed as a whole, unless it belongs to a delivery: a request for each of them
/// would cost more than it saves.
const MANY: usize = 100;

/// What was found below a prefix.
#[derive(Debug, Default)]
pub struct Listing {
    /// The objects, sorted by key.
    pub objects: Vec<ObjectMeta>,
    /// Prefixes that are stores or Delta tables, and no exports.
    pub stores: Vec<String>,
    /// Prefixes that were not listed, with the reason.
    pub cut: Vec<(String, &'static str)>,
    /// Prefixes that could not be listed.
    pub failed: Vec<(String, object_store::Error)>,
}

impl Listing {
    /// Whether nothing was found, and nothing went wrong.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.stores.is_empty() && self.cut.is_empty() && self.failed.is_empty()
    }
}

/// Lists the objects below a prefix. `left_out` gives the reason to leave out what has a path.
pub async fn list(store: &dyn ObjectStore, root: &Path, left_out: &dyn Fn(&str) -> Option<&'static str>) -> Listing {
    let mut listing = Listing::default();
    if let Some(why) = cut_by(root.as_ref(), left_out) {
        listing.cut.push((root.to_string(), why));
        return listing;
    }
    let mut waiting = vec![(root.clone(), is_listed_whole(root.as_ref(), root.as_ref()))];
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((prefix, is_whole)) = waiting.pop()
        {
            running.push(one(store, prefix, is_whole));
        }
        let Some((prefix, listed)) = running.next().await else { break };
        match listed {
            Ok((folders, _)) if folders.len() > MANY && !is_in_delivery(prefix.as_ref()) => waiting.push((prefix, true)),
            Ok((folders, objects)) => {
                for folder in folders {
                    match cut_by(folder.as_ref(), left_out) {
                        Some(why) => listing.cut.push((folder.to_string(), why)),
                        None => {
                            let is_whole = is_listed_whole(root.as_ref(), folder.as_ref());
                            waiting.push((folder, is_whole));
                        }
                    }
                }
                // Programs that show folders create an empty object with the name of the folder.
                listing.objects.extend(objects.into_iter().filter(|object| object.size > 0 || object.location != prefix));
            }
            Err(error) => listing.failed.push((prefix.to_string(), error)),
        }
    }
    let Listing { objects, stores, cut, failed } = &mut listing;
    objects.sort_by(|left, right| left.location.cmp(&right.location));
    objects.dedup_by(|left, right| left.location == right.location);
    leave_out_markers(objects);
    *stores = leave_out_stores(objects);
    cut.sort_unstable();
    failed.sort_by(|(left, _), (right, _)| left.cmp(right));
    listing
}

type Listed = object_store::Result<(Vec<Path>, Vec<ObjectMeta>)>;

/// Lists a folder with the names of its folders, or everything below it.
async fn one(store: &dyn ObjectStore, prefix: Path, is_whole: bool) -> (Path, Listed) {
    let listed = if is_whole {
        store.list(Some(&prefix)).try_collect::<Vec<ObjectMeta>>().await.map(|objects| (Vec::new(), objects))
    } else {
        store.list_with_delimiter(Some(&prefix)).await.map(|result| (result.common_prefixes, result.objects))
    };
    (prefix, listed)
}

fn is_digits(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn parts_of(prefix: &str) -> Vec<&str> {
    prefix.split('/').filter(|part| !part.is_empty()).collect()
}

fn is_in_delivery(prefix: &str) -> bool {
    prefix.split('/').any(|part| part == "AWSLogs")
}

/// Whether everything below a folder is listed in one go: there are no days further down.
fn is_listed_whole(root: &str, folder: &str) -> bool {
    let parts = parts_of(folder);
    match parts.as_slice() {
        [.., year, month, day] if is_digits(year, 4) && is_digits(month, 2) && is_digits(day, 2) => return true,
        [.., year, month] if is_digits(year, 4) && is_digits(month, 2) => return false,
        [.., year] if is_digits(year, 4) => return false,
        _ => {}
    }
    match parts.iter().position(|part| *part == "AWSLogs") {
        Some(place) => parts.len() - place > BEFORE_YEAR + 1,
        None => parts.len() > parts_of(root).len() + LEVELS,
    }
}

/// The reason not to list a folder: the one for a folder of a day, or for all days of a month or year of a delivery, which
/// has nothing else in such folders.
fn cut_by(folder: &str, left_out: &dyn Fn(&str) -> Option<&'static str>) -> Option<&'static str> {
    if let Some(why) = left_out(folder) {
        return Some(why);
    }
    let days = days_of(folder);
    let mut reasons = days.iter().map(|day| left_out(day.as_str()));
    let first = reasons.next()??;
    reasons.all(|why| why.is_some()).then_some(first)
}

/// The folders of the days of a month or year of a delivery.
fn days_of(folder: &str) -> Vec<String> {
    if !is_in_delivery(folder) {
        return Vec::new();
    }
    let of_month = |month: String| (1..=31).map(move |day| format!("{month}/{day:02}"));
    let days: Vec<String> = match parts_of(folder).as_slice() {
        [.., year, month] if is_digits(year, 4) && is_digits(month, 2) => of_month(folder.to_owned()).collect(),
        [.., year] if is_digits(year, 4) => (1..=12).flat_map(|month| of_month(format!("{folder}/{month:02}"))).collect(),
        _ => return Vec::new(),
    };
    days.into_iter().filter(|day| is_date(day)).collect()
}

/// Whether a path ends with a day of the calendar: there is no 30 February to leave out.
fn is_date(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let mut number = || parts.next().and_then(|part| part.parse::<i16>().ok());
    let (Some(day), Some(month), Some(year)) = (number(), number(), number()) else { return false };
    let (Ok(day), Ok(month)) = (i8::try_from(day), i8::try_from(month)) else { return false };
    jiff::civil::Date::new(year, month, day).is_ok()
}

/// Leaves out empty objects that stand for a folder: others are below them.
fn leave_out_markers(objects: &mut Vec<ObjectMeta>) {
    let is_marker = |object: &ObjectMeta| {
        let folder = format!("{}/", object.location);
        let next = objects.partition_point(|other| other.location.as_ref() < folder.as_str());
        objects.get(next).is_some_and(|other| other.location.as_ref().starts_with(&folder))
    };
    let markers: BTreeSet<Path> =
        objects.iter().filter(|object| object.size == 0 && is_marker(object)).map(|object| object.location.clone()).collect();
    if !markers.is_empty() {
        objects.retain(|object| !markers.contains(&object.location));
    }
}

/// Leaves out the files of Delta tables, as a local search does; returns the prefixes of the tables or their store.
fn leave_out_stores(objects: &mut Vec<ObjectMeta>) -> Vec<String> {
    let roots: BTreeSet<String> = objects.iter().filter_map(|object| store_of(object.location.as_ref())).collect();
    if !roots.is_empty() {
        let is_below =
            |key: &str, root: &str| root.is_empty() || key.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        objects.retain(|object| !roots.iter().any(|root| is_below(object.location.as_ref(), root)));
    }
    roots.into_iter().collect()
}

/// The store or table that has a key in its log.
fn store_of(key: &str) -> Option<String> {
    let parts: Vec<&str> = key.split('/').collect();
    let log = parts.iter().position(|part| *part == "_delta_log")?;
    let table = parts.get(..log)?;
    let store = match table {
        [store @ .., "tables", _] => store,
        table => table,
    };
    Some(store.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    fn store_with(keys: &[&str]) -> InMemory {
        let store = InMemory::new();
        wait(async {
            for key in keys {
                let bytes = if key.ends_with('/') { "" } else { "{}" };
                store.put(&Path::parse(key).unwrap(), bytes.into()).await.unwrap();
            }
        });
        store
    }

    fn wait<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn listed(store: &InMemory, root: &str, left_out: &dyn Fn(&str) -> Option<&'static str>) -> Listing {
        wait(list(store, &Path::parse(root).unwrap(), left_out))
    }

    fn keys(listing: &Listing) -> Vec<&str> {
        listing.objects.iter().map(|object| object.location.as_ref()).collect()
    }

    const TRAIL: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1";

    #[test]
    fn objects_are_sorted_by_key_at_every_depth() {
        let deep = "x/a/b/c/d/e/f.json";
        let day = format!("{TRAIL}/2026/03/04/a.json.gz");
        let other = format!("{TRAIL}/2026/03/04-odd.json");
        let store = store_with(&["z.json", deep, &day, &other, "a.json", "2026/03/04/05/e.json"]);
        let listing = listed(&store, "", &|_| None);
        assert_eq!(keys(&listing), ["2026/03/04/05/e.json", other.as_str(), day.as_str(), "a.json", deep, "z.json"]);
        assert!(listing.cut.is_empty() && listing.failed.is_empty() && listing.stores.is_empty());
        assert_eq!(keys(&listed(&store, "x/a", &|_| None)), [deep]);
        assert!(listed(&store, "nothing", &|_| None).is_empty());
    }

    #[test]
    fn folders_of_other_days_are_not_listed() {
        let days = ["2025/12/31", "2026/02/28", "2026/03/03", "2026/03/04", "2026/04/01"];
        let all: Vec<String> = days.iter().map(|day| format!("{TRAIL}/{day}/a.json.gz")).collect();
        let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
        // A folder that is called like a year, but has no days in it.
        all.push("notes/2025/x.json");
        let store = store_with(&all);
        let left_out = |path: &str| {
            let day = path.split('/').collect::<Vec<_>>().windows(3).find_map(|parts| {
                let [year, month, day] = parts else { return None };
                (is_digits(year, 4) && is_digits(month, 2) && is_digits(day, 2)).then(|| parts.join("/"))
            });
            day.filter(|day| day != "2026/03/04").map(|_| "other day")
        };
        let listing = listed(&store, "", &left_out);
        assert_eq!(keys(&listing), [format!("{TRAIL}/2026/03/04/a.json.gz").as_str(), "notes/2025/x.json"]);
        let cut: Vec<&str> = listing.cut.iter().map(|(prefix, _)| prefix.strip_prefix(TRAIL).unwrap()).collect();
        assert_eq!(cut, ["/2025", "/2026/02", "/2026/03/03", "/2026/04"]);
        let whole = listed(&store, &format!("{TRAIL}/2025"), &left_out);
        assert_eq!((keys(&whole).len(), whole.cut.len()), (0, 1));
    }

    #[test]
    fn markers_of_folders_and_stores_are_not_exports() {
        let store = store_with(&[
            "in/",
            "in/a.json",
            "in/b/",
            "in/b/c.json",
            "in/empty/",
            "old/tables/calls/_delta_log/0.json",
            "old/tables/calls/day=2026-03-04/x.parquet",
            "old/manifest.json",
            "table/_delta_log/0.json",
            "table/y.parquet",
        ]);
        let listing = listed(&store, "", &|_| None);
        assert_eq!(keys(&listing), ["in/a.json", "in/b/c.json", "in/empty"]);
        assert_eq!(listing.stores, ["old", "table"]);
    }

    #[test]
    fn many_folders_are_listed_in_one_go() {
        let all: Vec<String> = (0..MANY + 5).map(|number| format!("runs/{number:04}/a.json")).collect();
        let store = store_with(&all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(keys(&listed(&store, "runs", &|_| None)), all);
    }

    #[test]
    fn days_of_months_and_years() {
        assert_eq!(days_of(&format!("{TRAIL}/2026/02")).len(), 28);
        assert_eq!(days_of(&format!("{TRAIL}/2024")).len(), 366);
        assert!(days_of(TRAIL).is_empty() && days_of("2026/02").is_empty());
    }
}
