use super::super::super::budget::{Budget, Limits};
use super::super::super::compression::Compression;
use super::super::{ArchiveKind, described};
use super::writer::{Packed, write};
use super::*;
use std::io::Cursor;

fn summary(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    summary_of(bytes, &Budget::new(Limits::STANDARD))
}

fn summary_of(bytes: &[u8], budget: &Budget) -> (Vec<String>, Vec<String>) {
    let mut members = Vec::new();
    let damages = read_zip(&mut Cursor::new(bytes), Allowance { budget, member: 1 << 20 }, &mut |member| {
        members.push(described(member));
        true
    });
    (members, damages.into_iter().map(|damage| damage.why).collect())
}

#[test]
fn every_supported_method_is_read() {
    let bzip2 = {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        std::io::Write::write_all(&mut encoder, b"three").unwrap();
        encoder.finish().unwrap()
    };
    let xz = {
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
        std::io::Write::write_all(&mut encoder, b"five").unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(Compression::of(&xz), Some(Compression::Xz));
    let bytes = write(&[
        Packed::stored("folder/", b""),
        Packed::stored("folder/1.json", b"one"),
        Packed::deflated("2", b"two"),
        Packed::stored("3", b"three").method(12, bzip2),
        Packed::stored("4", b"four").method(93, zstd::stream::encode_all(&b"four"[..], 3).unwrap()),
        Packed::stored("5", b"five").method(95, xz),
        Packed::deflated("6", b"streamed").flags(8),
    ]);
    assert_eq!(ArchiveKind::of(&bytes), Some(ArchiveKind::Zip));
    let want = ["folder/1.json=one", "2=two", "3=three", "4=four", "5=five", "6=streamed"];
    assert_eq!(summary(&bytes), (want.map(str::to_owned).to_vec(), Vec::new()));
    // A program that unpacks it may come first, and more bytes after it.
    assert_eq!(summary(&[&b"#!/bin/sh\n"[..], &bytes, b"\n"].concat()).0, want);
    assert_eq!(summary(&write(&[])), (Vec::new(), Vec::new()));
}

#[test]
fn bytes_around_an_archive_are_reported() {
    let bytes = write(&[Packed::stored("a", b"one")]);
    let read = |parts: &[&[u8]]| {
        let (members, damages) = summary(&parts.concat());
        (members.join(","), damages.join(","))
    };
    let result = |members: &str, damages: &str| (members.to_owned(), damages.to_owned());
    assert_eq!(read(&[&bytes, b"\0\0 \r\n"]), result("a=one", ""));
    assert_eq!(read(&[&bytes, b"{\"a\":1}"]), result("a=one", "damaged_zip"));
    assert_eq!(read(&[b"MZ program", &bytes]), result("a=one", ""));
    let other = write(&[Packed::stored("b", b"two")]);
    assert_eq!(read(&[&bytes, &other]), result("b=two", "damaged_zip"));
    assert_eq!(read(&[&bytes, &other, b"x"]), result("b=two", "damaged_zip,damaged_zip"));
    assert!(is_zip_behind_front(&[b"MZ program", &*bytes].concat()));
    let empty = [b"MZ".to_vec(), write(&[])].concat();
    for other in [&bytes[..], &b"MZ program"[..], &b""[..], &b"MZ PK\x05\x06"[..], &empty[..]] {
        assert!(!is_zip_behind_front(other), "{other:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_others_are_read() {
    let mut broken = Packed::deflated("broken", &b"damage ".repeat(100));
    broken = broken.clone().method(8, b"\xff\xff\xff".to_vec());
    let bytes = write(&[
        Packed::stored("secret", b"x").flags(1),
        Packed::stored("aes", b"x").method(99, b"x".to_vec()),
        Packed::stored("d64", b"x").method(9, b"x".to_vec()),
        Packed::stored("sum", b"sum").checksum(7),
        broken,
        Packed::stored("link", b"/etc/passwd").link(),
        Packed::stored("__MACOSX/._a", b"x"),
        Packed::stored("big", &vec![b'x'; (1 << 20) + 1]),
        Packed::stored("../../good", b"1"),
    ]);
    let want = [
        "secret encrypted",
        "aes encrypted",
        "d64 compression",
        "sum=sum damaged_zip",
        "broken= damaged_zip",
        "link link",
        "__MACOSX/._a resource_fork",
        "big too_large",
        "../../good=1",
    ];
    assert_eq!(summary(&bytes), (want.map(str::to_owned).to_vec(), Vec::new()));
}

#[test]
fn names_and_times_come_from_the_best_field() {
    let unicode = [&[1][..], &crc32fast::hash(b"\x81.json").to_le_bytes(), "ü.json".as_bytes()].concat();
    let bytes = write(&[
        Packed::stored(b"\x81.json", b"1").extra(0x7075, &unicode),
        Packed::stored(b"\x81\xff.json", b"2"),
        Packed::stored("a\\b.json", b"3"),
        Packed::stored("time", b"4").extra(0x5455, &[&[1][..], &1_772_000_000i32.to_le_bytes()].concat()),
    ]);
    let budget = Budget::new(Limits::STANDARD);
    let mut seen = Vec::new();
    read_zip(&mut Cursor::new(&*bytes), Allowance { budget: &budget, member: 9 }, &mut |member| {
        seen.push((member.name, member.modified.unwrap()));
        true
    });
    let dos = 1_772_590_200_000_000;
    let want = [("ü.json", dos), ("\\x81\\xff.json", dos), ("a/b.json", dos), ("time", 1_772_000_000_000_000)];
    assert_eq!(seen, want.map(|(name, time)| (name.to_owned(), time)).to_vec());
}

#[test]
fn an_archive_that_is_cut_off_gives_the_members_before() {
    for flags in [0, 8] {
        let bytes = write(&[
            Packed::deflated("a", b"one").flags(flags),
            Packed::deflated("b", b"two").flags(flags),
            Packed::deflated("c", &b"three".repeat(200)).flags(flags),
        ]);
        let end = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
        for cut in [end, bytes.len() - 10] {
            let (members, damages) = summary(&bytes[..cut]);
            assert_eq!((members.len(), damages), (3, vec!["truncated_zip".to_owned()]), "{flags} {cut}");
            assert_eq!(members[..2], ["a=one", "b=two"]);
        }
        let (members, damages) = summary(&bytes[..end - 20]);
        assert_eq!(
            (members[..2].to_vec(), damages),
            (vec!["a=one".to_owned(), "b=two".to_owned()], vec!["truncated_zip".to_owned()])
        );
    }
    for length in 0..40 {
        summary(&write(&[Packed::stored("a", b"one")])[..length]);
    }
}

#[test]
fn split_archives_and_bombs_are_refused() {
    let mut split = write(&[Packed::stored("a", b"1")]);
    let end = split.len() - 22;
    split[end + 4] = 2;
    assert_eq!(summary(&split), (Vec::new(), vec!["split_archive".to_owned()]));
    let budget = Budget::new(Limits { inflated: 1 << 18, ratio: 1, ratio_large: 1, ..Limits::STANDARD });
    let bytes = write(&[Packed::deflated("zeros", &vec![0; 1 << 19]), Packed::stored("a", b"1")]);
    assert_eq!(summary_of(&bytes, &budget).0[0], "zeros decompression_bomb");
    // Members that share their data are charged each time.
    let budget = Budget::new(Limits { inflated: 10 << 10, ratio: 1, ratio_large: 1, ..Limits::STANDARD });
    let one = write(&[Packed::deflated("a", &vec![0; 4 << 10])]);
    let central = memchr::memmem::find(&one, b"PK\x01\x02").unwrap();
    let entry = &one[central..one.len() - 22];
    let directory = entry.repeat(9);
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    let at = u32::try_from(central).unwrap().to_le_bytes();
    let bomb = [&one[..central], &directory, b"PK\x05\x06\0\0\0\0\x09\0\x09\0", &size, &at, b"\0\0"].concat();
    let (members, _) = summary_of(&bomb, &budget);
    assert_eq!(members.iter().filter(|member| member.ends_with("decompression_bomb")).count(), 7);
}

#[test]
fn a_damaged_directory_is_reported() {
    let mut bytes = write(&[Packed::stored("a", b"one"), Packed::stored("b", b"two")]);
    let second = memchr::memmem::rfind(&bytes, b"PK\x01\x02").unwrap();
    bytes[second] = b'X';
    assert_eq!(summary(&bytes), (vec!["a=one".to_owned()], vec!["damaged_zip".to_owned()]));
}
