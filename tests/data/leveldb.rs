//! Our LevelDB reader against databases that the C++ library wrote, and against one that is put together here.

use super::{Feed, param, with};
use cortado::data::{database, leveldb};
use cortado::layer::Phase;
use cortado::proto::data_parameter::Db;
use cortado::random::Random;
use std::path::Path;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn read(folder: &Path) -> cortado::Result<Entries> {
    let mut db = leveldb::Reader::open(folder)?;
    (0..db.len()).map(|i| db.get(i).map(|(k, v)| (k.to_vec(), v.to_vec()))).collect()
}

/// The folders that `leveldb_plyvel.py small` made.
fn small() -> [std::path::PathBuf; 2] {
    ["plain", "snappy"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/leveldb").join(name))
}

#[test]
fn a_table_and_a_log_are_one_database() {
    for folder in small() {
        let entries = read(&folder).unwrap();
        assert_eq!(entries.len(), 20, "the deleted ones are gone");
        for (i, (key, value)) in entries.iter().enumerate() {
            let image = [[8, 1, 16, 4, 24, 4, 34, 16].to_vec(), vec![i as u8; 16], vec![40, i as u8 % 10]].concat();
            assert_eq!((key, value), (&format!("{i:08}").into_bytes(), &image));
        }
        let mut db = leveldb::Reader::open(&folder).unwrap();
        assert_eq!((db.len(), db.is_empty(), db.path()), (20, false, folder.as_path()));
        // in any order
        assert!((0..60).map(|i| i * 7 % 20).all(|i| db.get(i).unwrap().1 == entries[i as usize].1));
        let e = db.get(20).unwrap_err().to_string();
        assert!(e.contains("has 20 entries, no entry 20"), "{e}");
    }
}

/// Whatever `backend` says, and LEVELDB is what a prototxt without it says.
#[test]
fn the_data_layer_opens_what_is_there() {
    let (_folder, lmdb) = super::counting(4);
    for backend in [None, Some(Db::Leveldb), Some(Db::Lmdb)] {
        let param = |source: &Path| with(param(source, 4), |p| p.backend = backend.map(|b| b as i32));
        for folder in small() {
            let mut feed = Feed::new(&param(&folder), 2, Phase::Test, 0).unwrap();
            let (data, labels) = feed.batches(6);
            assert_eq!(feed.top[0].shape(), [4, 1, 4, 4]);
            let want = |i: usize| i % 20;
            assert!(labels.iter().enumerate().all(|(i, &label)| label == (want(i) % 10) as f32), "{labels:?}");
            assert!(data.iter().enumerate().all(|(i, &x)| x == want(i / 16) as f32), "{data:?}");
        }
        Feed::new(&param(&lmdb), 2, Phase::Test, 0).unwrap().forward().unwrap();
    }
}

#[test]
fn a_folder_without_a_database_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let says = |path: &Path, what: &str| {
        let e = database::Reader::open(path).err().expect("an error").to_string();
        assert!(e.contains(what) && e.contains(path.to_str().unwrap()), "{e}");
    };
    says(folder.path(), "the folder is empty");
    std::fs::write(folder.path().join("cat.jpg"), b"x").unwrap();
    std::fs::write(folder.path().join("dog.npy"), b"\x93NUMPY\x01\x00rest").unwrap();
    says(folder.path(), "the folder holds \"cat.jpg\"");
    says(&folder.path().join("cat.jpg"), "not an LMDB database");
    says(&folder.path().join("dog.npy"), "is a NumPy array (.npy), not a database");
    says(&small()[0].join("000005.ldb"), "one file of a LevelDB");
}

/// Nothing is written: not even beside the files.
#[test]
fn reading_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&small()[0]).unwrap() {
        let path = entry.unwrap().path();
        let copy = folder.path().join(path.file_name().unwrap());
        std::fs::write(&copy, std::fs::read(&path).unwrap()).unwrap();
        let mut permissions = copy.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&copy, permissions).unwrap();
    }
    let list = || {
        let entries = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap());
        let mut list: Vec<_> = entries.map(|e| (e.file_name(), e.metadata().unwrap().modified().unwrap())).collect();
        list.sort();
        list
    };
    let before = list();
    let (a, b) = (leveldb::Reader::open(folder.path()).unwrap(), leveldb::Reader::open(folder.path()).unwrap());
    assert_eq!((a.len(), b.len(), list()), (20, 20, before));
}

/// Runs `leveldb_plyvel.py`, which drives the C++ library; false where Python has no plyvel. Python is `python3`, or what
/// `CORTADO_PYTHON` names.
fn plyvel(mode: &str, folder: &Path) -> bool {
    let python = std::env::var_os("CORTADO_PYTHON").unwrap_or("python3".into());
    let run = |args: &[&std::ffi::OsStr]| std::process::Command::new(&python).args(args).output();
    if !run(&["-c".as_ref(), "import plyvel".as_ref()]).is_ok_and(|out| out.status.success()) {
        println!("skipped: {} has no plyvel", python.display());
        return false;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/leveldb_plyvel.py");
    let out = run(&[script.as_ref(), mode.as_ref(), folder.as_ref()]).unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    true
}

#[test]
fn we_write_and_the_library_reads() {
    // one entry; a block; many tables; long keys; values longer than a block
    for (n, key, value) in [(1, 8, 10), (20, 8, 20), (30_000, 8, 600), (500, 3000, 50), (60, 8, 200_000)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ours");
        let entry = |i: usize| {
            let mut k = format!("{i:06}").into_bytes();
            k.resize(6 + i * 31 % (key - 5), b'k');
            (
                k,
                (0..i * i % 999_983 * 37 % (value + 1))
                    .map(|j| if i.is_multiple_of(2) { 7 } else { (i * j * j / 7) as u8 })
                    .collect(),
            )
        };
        let mut want: Entries = (0..n).map(entry).collect();
        let write = |overwrite| {
            leveldb::create(&path, overwrite, |db| want.iter().try_for_each(|(k, v)| db.put(k, v))).unwrap()
        };
        assert_eq!([write(false), write(false), write(true)], [true, false, true]);
        assert!(read(&path).unwrap() == want, "{n} {key} {value}");
        if plyvel("read", folder.path()) {
            let its = listed(&std::fs::read(folder.path().join("ours.entries")).unwrap());
            assert!(its == want, "{n} {key} {value}");
            want.remove(0);
            want.push((b"~".to_vec(), b"new".to_vec()));
            assert!(read(&path).unwrap() == want, "{n} {key} {value}: changed by the library");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let refused = |keys: &[&[u8]]| {
        let path = folder.path().join("db");
        let made = leveldb::create(&path, false, |db| keys.iter().try_for_each(|k| db.put(k, b"x")));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        made.unwrap_err().to_string()
    };
    assert!(refused(&[b"b", b"a"]).contains("order"));
    assert!(refused(&[b"a", b"a"]).contains("order"));
    let empty = folder.path().join("empty");
    leveldb::create(&empty, false, |_| Ok(())).unwrap();
    assert!(read(&empty).unwrap_err().to_string().contains("empty database"));
}

/// Databases of all kinds, as the C++ library makes them.
#[test]
fn the_library_writes_and_we_read() {
    let folder = tempfile::tempdir().unwrap();
    if !plyvel("many", folder.path()) {
        return;
    }
    let mut count = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "entries") {
            let (db, want) = (path.with_extension(""), listed(&std::fs::read(&path).unwrap()));
            let found = read(&db).unwrap();
            assert!(found == want, "{}: {} entries, not {}", db.display(), found.len(), want.len());
            let mut db = leveldb::Reader::open(&db).unwrap();
            for trial in 0..200.min(found.len()) {
                let i = Random::new(1, "leveldb", trial as u64).below(0, found.len());
                assert_eq!(db.get(i as u64).unwrap(), (&found[i].0[..], &found[i].1[..]));
            }
            count += 1;
        }
    }
    assert_eq!(count, 9);
}

/// Entries as the script lists them: both lengths, key and value.
fn listed(mut bytes: &[u8]) -> Entries {
    let mut take = |len: usize| -> Vec<u8> {
        let (taken, rest) = bytes.split_at(len.min(bytes.len()));
        bytes = rest;
        taken.to_vec()
    };
    let mut entries = Entries::new();
    loop {
        let lengths = take(8);
        let Some((key, value)) = lengths.split_first_chunk::<4>() else { return entries };
        let value: [u8; 4] = value.try_into().unwrap();
        let (key, value) = (u32::from_le_bytes(*key) as usize, u32::from_le_bytes(value) as usize);
        entries.push((take(key), take(value)));
    }
}
