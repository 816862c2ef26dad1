//! Reads tar files of every age: v7, ustar, GNU and pax.
//!
//! Concatenated archives are read to their end. After a damaged header, reading goes on with the next block that has a
//! valid one, so only the members between them are lost, and the loss is reported.

use super::{Allowance, Content, Damage, Member, OnMember, Watched, is_metadata, micros, name_of};
use std::io::{Chain, Cursor, Read};
use tar::{Archive, Entry, EntryType};

const BLOCK: usize = 512;

/// Whether the bytes start with the header of a member, or are an archive without members.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let is_empty = || (2 * BLOCK..=20 * BLOCK).contains(&head.len()) && head.len().is_multiple_of(BLOCK);
    match head.first() {
        Some(0) => is_empty() && head.iter().all(|byte| *byte == 0),
        Some(_) => head.first_chunk().is_some_and(is_header),
        None => false,
    }
}

/// Whether a block has a valid checksum: the sum of its bytes, where those of the checksum count as blanks. Some
/// writers add signed bytes.
fn is_header(block: &[u8; BLOCK]) -> bool {
    let (before, rest) = block.split_at(148);
    let (field, after) = rest.split_at(8);
    let digits = field.trim_ascii_start().split(|byte| matches!(byte, 0 | b' ')).next().unwrap_or_default();
    let Some(wanted) = std::str::from_utf8(digits).ok().and_then(|digits| i64::from_str_radix(digits, 8).ok()) else {
        return false;
    };
    let others = || before.iter().chain(after);
    let unsigned = others().map(|byte| i64::from(*byte)).sum::<i64>() + 8 * 32;
    let signed = others().map(|byte| i64::from(byte.cast_signed())).sum::<i64>() + 8 * 32;
    before.first() != Some(&0) && (wanted == unsigned || wanted == signed)
}

/// Reads the members; returns what is wrong with the archive. Damage of the stream around it remains in `from`.
pub fn read_tar<R: Read>(from: &mut Watched<'_, R>, allowance: Allowance<'_>, on: &mut OnMember<'_>) -> Vec<Damage> {
    let (mut front, mut last) = (Vec::new(), None);
    let mut lost: Option<(u64, Damage)> = None;
    let mut damages = Vec::new();
    loop {
        let blocks = Cursor::new(std::mem::take(&mut front)).chain(&mut *from);
        match read_members(blocks, allowance, &mut last, on) {
            Ok(true) => {}
            // The caller wants no more.
            Ok(false) => return damages,
            Err(_) if from.problem().is_some() => {}
            Err(_) if from.has_ended() => {
                damages.push(Damage::new("truncated_tar", format!("the archive ends early, {}", after(last.as_deref()))));
            }
            // The error quotes the bytes in place of the header, which may be the content of a member, with its secrets.
            Err(_) => {
                let detail = format!("a damaged header {}; its member is not loaded, later ones are", after(last.as_deref()));
                lost.get_or_insert_with(|| (0, Damage::new("damaged_tar", detail))).0 += 1;
                if let Some(header) = next_header(from) {
                    front = header;
                    continue;
                }
            }
        }
        break;
    }
    // The checksum of a compressed stream comes after the last member.
    if from.problem().is_none() {
        let _seen = std::io::copy(from, &mut std::io::sink());
    }
    damages.extend(lost.map(|(count, mut damage)| {
        if count > 1 {
            damage.detail.push_str(&format!("; {count} damaged headers in all"));
        }
        damage
    }));
    damages
}

fn after(last: Option<&str>) -> String {
    last.map_or_else(|| "before the first member".to_owned(), |name| format!("after `{name}`"))
}

/// Searches the next block with a valid header.
fn next_header(from: &mut impl Read) -> Option<Vec<u8>> {
    loop {
        let mut block = [0; BLOCK];
        from.read_exact(&mut block).ok()?;
        if is_header(&block) {
            return Some(block.to_vec());
        }
    }
}

/// Reads members up to the end; returns false if the caller wants no more.
fn read_members<R: Read>(
    from: Chain<Cursor<Vec<u8>>, &mut Watched<'_, R>>,
    allowance: Allowance<'_>,
    last: &mut Option<String>,
    on: &mut OnMember<'_>,
) -> std::io::Result<bool> {
    let mut archive = Archive::new(from);
    // Data after an end marker would be lost otherwise: `cat a.tar b.tar`.
    archive.set_ignore_zeros(true);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = name_of(&entry.path_bytes());
        let (modified, sparse) = of_pax(&mut entry)?;
        let modified = modified.or_else(|| micros(i64::try_from(entry.header().mtime().ok()?).ok()?));
        let content = match entry.header().entry_type() {
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            // Archives of v7 mark folders by their names only.
            _ if name.ends_with('/') => continue,
            EntryType::Symlink | EntryType::Link => Content::Skipped("link"),
            EntryType::Char | EntryType::Block | EntryType::Fifo => Content::Skipped("special_file"),
            _ if sparse => Content::Unreadable(Damage::new(
                "sparse_member",
                "a sparse member in pax format; pack it again without `--sparse`, or unpack it with GNU tar: `tar xf {file}`",
            )),
            kind => content_of(&mut entry, kind == EntryType::GNUSparse, &name, allowance),
        };
        *last = Some(name.clone());
        if !on(Member { name, modified, content }) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The modification time in pax headers, and whether they describe a sparse member.
fn of_pax<R: Read>(entry: &mut Entry<'_, R>) -> std::io::Result<(Option<i64>, bool)> {
    let (mut modified, mut sparse) = (None, false);
    for record in entry.pax_extensions()?.into_iter().flatten() {
        // A damaged record only lacks its value.
        let Ok(record) = record else { continue };
        sparse |= record.key_bytes().starts_with(b"GNU.sparse.");
        if record.key_bytes() == b"mtime" {
            modified = record.value().ok().and_then(|text| text.parse().ok()).map(|seconds: f64| (seconds * 1e6) as i64);
        }
    }
    Ok((modified, sparse))
}

fn content_of<R: Read>(entry: &mut Entry<'_, R>, sparse: bool, name: &str, allowance: Allowance<'_>) -> Content {
    let size = entry.size();
    if let Some(damage) = allowance.too_large(size) {
        return Content::Unreadable(damage);
    }
    // The holes of a sparse member are not read, so nothing has been charged for them.
    if sparse && let Err(limit) = allowance.budget.charge_inflated(size) {
        return Content::Unreadable(Damage::new(limit.why, limit.detail));
    }
    // Memory grows with what is read: the size in the header may be wrong.
    let mut bytes = Vec::new();
    let read = entry.take(size).read_to_end(&mut bytes);
    if let Some(why) = is_metadata(name, &bytes) {
        return Content::Skipped(why);
    }
    let cut = read.is_err() || (bytes.len() as u64) < size;
    let damage = cut.then(|| {
        let detail = format!("the archive is cut off or damaged in this member, after {} of {size} bytes", bytes.len());
        Damage::new("truncated_member", detail)
    });
    Content::Bytes(bytes, damage)
}

#[cfg(test)]
mod tests {
    use super::super::super::budget::{Budget, Limits};
    use super::super::described;
    use super::*;
    use tar::{Builder, Header};

    fn header(name: &str, size: usize) -> Header {
        let mut header = Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(size as u64);
        header.set_mtime(1_772_000_000);
        header.set_cksum();
        header
    }

    fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, bytes) in members {
            builder.append(&header(name, bytes.len()), *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn summary(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        summary_of(bytes, &Budget::new(Limits::STANDARD))
    }

    fn summary_of(bytes: &[u8], budget: &Budget) -> (Vec<String>, Vec<String>) {
        let mut members = Vec::new();
        let mut watched = Watched::new(bytes, Some(budget));
        let damages = read_tar(&mut watched, Allowance { budget, member: 1 << 20 }, &mut |member| {
            members.push(described(member));
            true
        });
        (members, damages.into_iter().map(|damage| damage.why).collect())
    }

    #[test]
    fn members_of_every_type_are_accounted_for() {
        let long = format!("{}/x.json", "folder".repeat(40));
        let mut builder = Builder::new(Vec::new());
        builder.append_dir("a", std::env::temp_dir()).unwrap();
        builder.append_data(&mut header("x", 1), &long, &b"1"[..]).unwrap();
        for (name, kind) in
            [("link", EntryType::Symlink), ("hard", EntryType::Link), ("null", EntryType::Char), ("pipe", EntryType::Fifo)]
        {
            let mut header = header(name, 0);
            header.set_entry_type(kind);
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, &b""[..]).unwrap();
        }
        builder.append(&header(".DS_Store", 4), &b"Bud1"[..]).unwrap();
        let mut odd = header("name", 1);
        odd.as_mut_bytes()[..5].copy_from_slice(b"../n\xff");
        odd.set_cksum();
        builder.append(&odd, &b"2"[..]).unwrap();
        let (members, damages) = summary(&builder.into_inner().unwrap());
        let want = [
            &*format!("{long}=1"),
            "link link",
            "hard link",
            "null special_file",
            "pipe special_file",
            ".DS_Store hidden_file",
            "../n\\xff=2",
        ];
        assert_eq!((members, damages), (want.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn headers_of_pax_and_old_tars_are_read() {
        let long = format!("{}.json", "n".repeat(300));
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions([("path", long.as_bytes()), ("mtime", b"1772000000.5")]).unwrap();
        builder.append(&header("short", 1), &b"1"[..]).unwrap();
        builder.append_pax_extensions([("GNU.sparse.major", &b"1"[..]), ("GNU.sparse.minor", b"0")]).unwrap();
        builder.append(&header("holes", 1), &b"1"[..]).unwrap();
        let mut old = Header::new_old();
        old.set_path("old.json").unwrap();
        old.set_size(1);
        old.set_cksum();
        builder.append(&old, &b"2"[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        assert_eq!(summary(&bytes).0, [format!("{long}=1"), "holes sparse_member".to_owned(), "old.json=2".to_owned()]);
        let mut times = Vec::new();
        let budget = Budget::new(Limits::STANDARD);
        read_tar(&mut Watched::new(&*bytes, Some(&budget)), Allowance { budget: &budget, member: 9 }, &mut |member| {
            times.push(member.modified);
            true
        });
        assert_eq!(times, [Some(1_772_000_000_500_000), Some(1_772_000_000_000_000), None]);
        assert!(is_tar(&pack(&[("a", b"1")])) && !is_tar(&[b'a'; 512]) && !is_tar(b"a"));
    }

    #[test]
    fn concatenated_and_empty_archives() {
        let two = [pack(&[("a", b"1")]), pack(&[("b", b"2")])].concat();
        assert_eq!(summary(&two), (vec!["a=1".to_owned(), "b=2".to_owned()], Vec::new()));
        let empty = Builder::new(Vec::new()).into_inner().unwrap();
        assert!(is_tar(&empty) && is_tar(&[0; 10_240]) && !is_tar(&[0; 512]) && !is_tar(&[0; 1 << 20]));
        assert_eq!(summary(&empty), (Vec::new(), Vec::new()));
    }

    #[test]
    fn damage_costs_the_member_it_is_in() {
        let mut bytes = pack(&[("a", b"1"), ("b", b"2"), ("c", b"3"), ("d", b"4")]);
        bytes[2 * BLOCK] ^= 1;
        bytes[6 * BLOCK + 3] ^= 1;
        assert_eq!(summary(&bytes), (vec!["a=1".to_owned(), "c=3".to_owned()], vec!["damaged_tar".to_owned()]));
        let bytes = pack(&[("a", b"1"), ("b", &[b'x'; 600])]);
        let cut = summary(&bytes[..3 * BLOCK + 100]);
        assert_eq!(cut.0, ["a=1".to_owned(), format!("b={} truncated_member", "x".repeat(100))]);
        assert_eq!(cut.1, ["truncated_tar"]);
        assert_eq!(summary(&bytes[..2 * BLOCK + 100]).1, ["truncated_tar"]);
    }

    #[test]
    fn a_sparse_member_is_charged_for_its_holes() {
        let mut holes = Header::new_gnu();
        holes.set_path("core").unwrap();
        holes.set_entry_type(EntryType::GNUSparse);
        holes.set_size(0);
        let gnu = holes.as_gnu_mut().unwrap();
        gnu.set_real_size(1 << 19);
        gnu.sparse[0].set_offset(1 << 19);
        gnu.sparse[0].set_length(0);
        holes.set_cksum();
        let mut builder = Builder::new(Vec::new());
        builder.append(&holes, &b""[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        let tight = Budget::new(Limits { inflated: 1 << 18, ratio: 1, ratio_large: 1, ..Limits::STANDARD });
        assert_eq!(summary_of(&bytes, &tight).0, ["core decompression_bomb"]);
        assert!(summary(&bytes).0[0].starts_with("core=\0"));
        let huge = pack(&[("big", &vec![b'x'; (1 << 20) + 1]), ("b", b"2")]);
        assert_eq!(summary(&huge).0, ["big too_large", "b=2"]);
    }
}
