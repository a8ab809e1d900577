//! Broken LevelDBs. They are put together here byte by byte, with good checksums around what is wrong.

use super::binary::keep;
use super::survive;
use cortado::data::database;
use cortado::random::Random;
use std::path::Path;

type Bytes = Vec<u8>;

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        (0..8).for_each(|_| crc = crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 });
    }
    (!crc).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes()
}

fn varint(mut n: u64) -> Bytes {
    let mut bytes = Vec::new();
    while n >= 128 {
        bytes.push(n as u8 | 128);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

fn varints(numbers: &[u64]) -> Bytes {
    numbers.iter().flat_map(|&n| varint(n)).collect()
}

fn string(bytes: &[u8]) -> Bytes {
    [&varint(bytes.len() as u64), bytes].concat()
}

/// A part of a log: 1 FULL, 2 FIRST, 3 MIDDLE, 4 LAST.
fn part(kind: u8, data: &[u8]) -> Bytes {
    let body = [&[kind], data].concat();
    [&checksum(&body)[..], &(data.len() as u16).to_le_bytes(), &body].concat()
}

/// A write batch from number 100 on.
fn batch(count: u32, entries: &[u8]) -> Bytes {
    [&100u64.to_le_bytes()[..], &count.to_le_bytes(), entries].concat()
}

fn put(key: &[u8], value: &[u8]) -> Bytes {
    [&[1][..], &string(key), &string(value)].concat()
}

fn delete(key: &[u8]) -> Bytes {
    [&[0][..], &string(key)].concat()
}

fn key(user: &[u8], sequence: u64) -> Bytes {
    [user, &(sequence << 8 | 1).to_le_bytes()].concat()
}

/// An entry of a block that takes `shared` bytes of the key before.
fn entry(shared: u64, more: &[u8], value: &[u8]) -> Bytes {
    [&varints(&[shared, more.len() as u64, value.len() as u64]), more, value].concat()
}

/// A block's entries and its one whole key.
fn block(entries: &[u8]) -> Bytes {
    [entries, &0u32.to_le_bytes(), &1u32.to_le_bytes()].concat()
}

fn sealed(body: &[u8], compression: u8) -> Bytes {
    let body = [body, &[compression]].concat();
    [&body[..], &checksum(&body)].concat()
}

/// A table of one sealed block and an index of these entries.
fn table_with(data: &[u8], index: &[u8]) -> Bytes {
    let index = sealed(&block(index), 0);
    let mut footer = varints(&[0, 0, data.len() as u64, index.len() as u64 - 5]);
    footer.resize(40, 0);
    [data, &index, &footer, &0xDB47_7524_8B80_FB57_u64.to_le_bytes()[..]].concat()
}

fn table(data: &[u8]) -> Bytes {
    table_with(data, &entry(0, &key(b"z", 1), &varints(&[0, data.len() as u64 - 5])))
}

fn table_of(entries: &[u8]) -> Bytes {
    table(&sealed(&block(entries), 0))
}

const COMPARATOR: &[u8] = b"leveldb.BytewiseComparator";

fn names(comparator: &[u8]) -> Bytes {
    [vec![1], string(comparator)].concat()
}

fn lists(level: u64, number: u64, len: u64) -> Bytes {
    [varints(&[7, level, number, len]), string(&key(b"a", 1)), string(&key(b"z", 1))].concat()
}

/// The files of a small database: images `a` and `b` in a table, `c` in a log.
struct Files {
    current: Bytes,
    manifest: Bytes,
    table: Bytes,
    log: Bytes,
}

impl Files {
    fn good() -> Files {
        let table = table_of(&[entry(0, &key(b"a", 1), b"first"), entry(0, &key(b"b", 2), b"second")].concat());
        Files {
            current: b"MANIFEST-000004\n".to_vec(),
            manifest: part(1, &[names(COMPARATOR), varints(&[2, 6]), lists(1, 5, table.len() as u64)].concat()),
            table,
            log: part(1, &batch(1, &put(b"c", b"third"))),
        }
    }

    /// With this table, whose length the manifest knows.
    fn with_table(table: Bytes) -> Files {
        let manifest = part(1, &[names(COMPARATOR), varints(&[2, 6]), lists(1, 5, table.len() as u64)].concat());
        Files { manifest, table, ..Files::good() }
    }

    /// With a manifest of this record after the good one.
    fn with_edit(edit: &[u8]) -> Files {
        let good = Files::good();
        Files { manifest: [good.manifest, part(1, edit)].concat(), ..Files::good() }
    }

    fn with_log(log: Bytes) -> Files {
        Files { log, ..Files::good() }
    }

    fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let files = [&self.current, &self.manifest, &self.table, &self.log];
        for (name, bytes) in ["CURRENT", "MANIFEST-000004", "000005.ldb", "000006.log"].into_iter().zip(files) {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

fn read(folder: &Path) -> cortado::Result<Vec<(Bytes, Bytes)>> {
    let mut db = database::Reader::open(folder)?;
    (0..db.len()).map(|i| db.get(i).map(|(k, v)| (k.to_vec(), v.to_vec()))).collect()
}

#[test]
fn broken_leveldbs() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("db");
    Files::good().write(&db);
    let want = [("a", "first"), ("b", "second"), ("c", "third")].map(|(k, v)| (k.into(), v.into()));
    assert_eq!(read(&db).unwrap(), want);

    let flipped = |mut bytes: Bytes, at: usize| {
        bytes[at] ^= 1;
        bytes
    };
    let half = |bytes: Bytes| bytes[..bytes.len() / 2].to_vec();
    let good = Files::good;
    let current = |text: &str| Files { current: text.into(), ..good() };
    let manifest = |manifest: Bytes| Files { manifest, ..good() };
    let one = entry(0, &key(b"a", 1), b"x");
    let index = |handles: &[[u64; 2]]| -> Bytes {
        handles.iter().flat_map(|handle| entry(0, &key(b"z", 1), &varints(handle))).collect()
    };
    let data = sealed(&block(&one), 0);
    let giant = 1 << 62;
    let long_keys: Bytes = (0..100_000u64).flat_map(|i| entry(65_000, &key(b"", (1 << 40) - i), b"")).collect();
    #[rustfmt::skip]
    let cases: Vec<(&str, Files)> = vec![
        ("current_empty", current("")),
        ("current_cut", current("MANIFEST-0000")),
        ("current_leads_elsewhere", current("../../MANIFEST-000004\n")),
        ("current_names_no_file", current("MANIFEST-000009\n")),
        ("manifest_empty", manifest(Vec::new())),
        ("manifest_cut", manifest(half(good().manifest))),
        ("manifest_checksum", manifest(flipped(good().manifest, 20))),
        ("manifest_zeros", manifest(vec![0; 50])),
        ("manifest_text", manifest(b"layer { name: 'data' type: 'Data' }".to_vec())),
        ("manifest_field", Files::with_edit(&[77, 0])),
        ("manifest_field_cut", Files::with_edit(&[1, 200, 65])),
        ("manifest_number", Files::with_edit(&[&[2][..], &[255; 12]].concat())),
        ("manifest_order", Files::with_edit(&names(b"by number"))),
        ("manifest_level", Files::with_edit(&lists(9, 5, 10))),
        ("manifest_no_log", manifest(part(1, &names(COMPARATOR)))),
        ("table_missing", Files::with_edit(&lists(2, 7, 100))),
        ("table_cut", Files { table: half(good().table), ..good() }),
        ("table_empty", Files::with_table(Vec::new())),
        ("table_magic", Files::with_table(flipped(good().table, good().table.len() - 1))),
        ("table_index_outside", Files::with_table({
            let mut table = good().table;
            let footer = table.len() - 48;
            let handles = varints(&[0, 0, giant, giant]);
            table[footer..footer + handles.len()].copy_from_slice(&handles);
            table
        })),
        ("table_index_checksum", Files::with_table(flipped(good().table, good().table.len() - 60))),
        ("table_block_outside", Files::with_table(table_with(&data, &index(&[[0, giant]])))),
        ("table_block_twice", Files::with_table(table_with(&data, &index(&[[0, data.len() as u64 - 5]; 2])))),
        ("table_checksum", Files::with_table(flipped(good().table, 5))),
        ("table_zstd", Files::with_table(table(&sealed(b"whatever", 2)))),
        ("table_compression", Files::with_table(table(&sealed(b"whatever", 7)))),
        ("table_snappy_giant", Files::with_table(table(&sealed(&[&varint(0xFFFF_FFFF)[..], &[0; 100]].concat(), 1)))),
        ("table_snappy_broken", Files::with_table(table(&sealed(&[&varint(100)[..], &[255; 100]].concat(), 1)))),
        ("table_no_entries_end", Files::with_table(table(&sealed(&[255; 20], 0)))),
        ("table_block_empty", Files::with_table(table(&sealed(b"", 0)))),
        ("table_shares_too_much", Files::with_table(table_of(&[one.clone(), entry(50, &key(b"b", 1), b"")].concat()))),
        ("table_key_giant", Files::with_table(table_of(&varints(&[0, giant, 1])))),
        ("table_value_giant", Files::with_table(table_of(&[varints(&[0, 9, giant]), key(b"a", 1)].concat()))),
        ("table_key_without_tag", Files::with_table(table_of(&entry(0, b"short", b"x")))),
        ("table_order", Files::with_table(table_of(&[entry(0, &key(b"b", 1), b""), one.clone()].concat()))),
        ("table_long_keys", Files::with_table(table_of(&[entry(0, &key(&[b'k'; 65_000], 1 << 50), b""), long_keys].concat()))),
        ("log_cut_in_a_head", Files::with_log(good().log[..5].to_vec())),
        ("log_cut", Files::with_log(half(good().log))),
        ("log_checksum", Files::with_log(flipped(good().log, 12))),
        ("log_length", Files::with_log(flipped(good().log, 5))),
        ("log_text", Files::with_log(b"2015/01/01-00:00:00.000000 7f0 Recovering log #3".to_vec())),
        ("log_begins_in_the_middle", Files::with_log(part(3, b"data"))),
        ("log_without_last", Files::with_log(part(2, b"data"))),
        ("log_twice_first", Files::with_log([part(2, b"data"), part(1, b"data")].concat())),
        ("log_batch_short", Files::with_log(part(1, b"data"))),
        ("log_batch_count", Files::with_log(part(1, &batch(u32::MAX, &put(b"c", b"x"))))),
        ("log_batch_type", Files::with_log(part(1, &batch(1, &[9, 0])))),
        ("log_batch_value", Files::with_log(part(1, &batch(1, &[&[1][..], &string(b"c"), &varint(giant)].concat())))),
        ("log_batch_rest", Files::with_log(part(1, &batch(1, &[delete(b"c"), delete(b"d")].concat())))),
        ("all_deleted", Files::with_log(part(1, &batch(2, &[delete(b"a"), delete(b"b")].concat())))),
    ];
    for (name, files) in &cases {
        files.write(&db);
        keep("broken_leveldb", name, &db, || read(&db).map(|_| ()));
    }
    for (name, file) in [("log_missing", "000006.log"), ("current_missing", "CURRENT")] {
        good().write(&db);
        std::fs::remove_file(db.join(file)).unwrap();
        keep("broken_leveldb", name, &db, || read(&db).map(|_| ()));
    }
}

/// A bit of every byte of the files that the C++ library wrote: a change is noticed, or changes nothing.
#[test]
fn every_byte_of_a_leveldb() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["plain", "snappy"] {
        let (from, db) = (Path::new("tests/data/leveldb").join(name), folder.path().join(name));
        std::fs::create_dir(&db).unwrap();
        let names: Vec<_> = std::fs::read_dir(&from).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 4);
        names.iter().for_each(|file| assert!(std::fs::copy(from.join(file), db.join(file)).is_ok()));
        let want = read(&db).unwrap();
        let (mut noticed, mut all) = (0, 0);
        for file in names {
            let good = std::fs::read(from.join(&file)).unwrap();
            for at in 0..good.len() {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 8);
                std::fs::write(db.join(&file), &bytes).unwrap();
                match survive(name, || read(&db)) {
                    Ok(found) => assert_eq!(found, want, "{file:?}, byte {at}"),
                    Err(e) => {
                        noticed += 1;
                        assert!(e.to_string().contains(db.to_str().unwrap()), "{e}");
                    }
                }
                all += 1;
            }
            for len in 0..good.len() {
                std::fs::write(db.join(&file), &good[..len]).unwrap();
                // A log may end after any of its records.
                let found = survive(name, || read(&db));
                assert!(found.is_err() || file.to_str() != Some("000005.ldb"), "{file:?} of {len} bytes");
            }
            std::fs::write(db.join(&file), &good).unwrap();
        }
        // The footer's zeros and the block of filters are not read.
        assert!(noticed > all * 9 / 10, "{noticed} of {all}");
    }
}

/// Random bytes with good checksums: whatever is read, it is read or refused.
#[test]
fn no_leveldb_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("db");
    let mut refused = 0;
    for trial in 0..3000 {
        let r = Random::new(1, "leveldb", trial);
        let spoil = |mut bytes: Bytes| {
            for k in 0..1 + r.below(0, 3) {
                let at = r.below(3 * k + 1, bytes.len());
                bytes[at] = if r.below(3 * k + 2, 2) == 0 { r.bits(3 * k + 3) as u8 } else { 255 };
            }
            bytes
        };
        let body =
            [entry(0, &key(b"a", 1), b"first"), entry(1, &key(b"b", 2), b"second"), entry(2, &key(b"c", 3), b"x")];
        let files = match trial % 5 {
            0 => Files::with_table(table(&sealed(&spoil(block(&body.concat())), 0))),
            1 => {
                let packed = snap_literal(&block(&body.concat()));
                Files::with_table(table(&sealed(&spoil(packed), 1)))
            }
            2 => {
                let data = sealed(&block(&body.concat()), 0);
                let index = entry(0, &key(b"z", 1), &varints(&[0, data.len() as u64 - 5]));
                Files::with_table(table_with(&data, &spoil(index)))
            }
            3 => Files::with_log(part(1, &spoil(batch(2, &[put(b"c", b"x"), delete(b"a")].concat())))),
            _ => Files { manifest: part(1, &spoil(Files::good().manifest[7..].to_vec())), ..Files::good() },
        };
        files.write(&db);
        refused += usize::from(survive("leveldb", || read(&db)).is_err());
    }
    assert!((1000..3000).contains(&refused), "{refused} of 3000 were refused");
}

/// Bytes in snappy's format, as they are.
fn snap_literal(bytes: &[u8]) -> Bytes {
    let len = bytes.len() as u64;
    [varint(len), vec![60 << 2, len as u8 - 1], bytes.to_vec()].concat()
}
