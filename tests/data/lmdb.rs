//! Our LMDB against the C library's, in both directions; and MNIST's conversion.

use cortado::data::idx::Labelled;
use cortado::data::{lmdb, mnist};
use heed::types::Bytes;
use heed::{Database, EnvFlags, EnvOpenOptions, PutFlags};
use std::path::Path;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// All entries as the C library reads them, forward; each is looked up by its key, too.
fn read_by_c(folder: &Path) -> Entries {
    let mut options = EnvOpenOptions::new();
    // SAFETY: nobody changes the database while it is open here.
    let env = unsafe { options.flags(EnvFlags::READ_ONLY | EnvFlags::NO_LOCK).open(folder) }.unwrap();
    let r = env.read_txn().unwrap();
    let db: Database<Bytes, Bytes> = env.open_database(&r, None).unwrap().unwrap();
    let all: Entries = db.iter(&r).unwrap().map(|e| e.unwrap()).map(|(k, v)| (k.into(), v.into())).collect();
    assert_eq!(db.len(&r).unwrap(), all.len() as u64);
    assert!(all.iter().all(|(k, v)| db.get(&r, k).unwrap() == Some(v)));
    let backward = db.rev_iter(&r).unwrap().map(|e| e.unwrap().0.to_vec());
    assert!(backward.eq(all.iter().rev().map(|(k, _)| k.clone())));
    all
}

/// Writes with the C library, in several transactions.
fn write_by_c(folder: &Path, entries: &Entries, flags: PutFlags) {
    std::fs::create_dir(folder).unwrap();
    let mut options = EnvOpenOptions::new();
    // SAFETY: the folder is new and ours.
    let env = unsafe { options.map_size(1 << 30).flags(EnvFlags::NO_SYNC).open(folder) }.unwrap();
    for (i, some) in entries.chunks(100).enumerate() {
        let mut w = env.write_txn().unwrap();
        let db: Database<Bytes, Bytes> = match i {
            0 => env.create_database(&mut w, None).unwrap(),
            _ => env.open_database(&w, None).unwrap().unwrap(),
        };
        some.iter().for_each(|(k, v)| db.put_with_flags(&mut w, flags, k, v).unwrap());
        w.commit().unwrap();
    }
}

fn write_by_us(folder: &Path, entries: &Entries) {
    lmdb::create(folder, false, |db| entries.iter().try_for_each(|(k, v)| db.put(k, v))).unwrap();
}

fn read_by_us(folder: &Path) -> Entries {
    let mut db = lmdb::Reader::open(folder).unwrap();
    let mut get = |i| db.get(i).map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap();
    let n = lmdb::Reader::open(folder).unwrap().len();
    let all: Entries = (0..n).map(&mut get).collect();
    // by index, in any order
    assert!((0..n).rev().step_by(7).all(|i| get(i) == all[i as usize]));
    let mut fresh = lmdb::Reader::open(folder).unwrap();
    assert_eq!(fresh.get(n - 1).unwrap().0, all[n as usize - 1].0);
    all
}

/// Entries of many kinds: `n` of them with keys of up to `key` bytes and values of up to `value`.
fn entries(n: usize, key: usize, value: usize) -> Entries {
    let entry = |i: usize| {
        let mut k = format!("{i:06}").into_bytes();
        k.resize(6 + i * 31 % (key - 5), b'k');
        let len = i * i * 37 % (value + 1);
        (k, (0..len).map(|j| (i * 7 + j) as u8).collect())
    };
    (0..n).map(entry).collect()
}

#[test]
fn the_c_library_reads_ours_and_we_read_its() {
    let folder = tempfile::tempdir().unwrap();
    // one entry; one leaf; a root over leaves; three levels; long keys; values on and around the edge of a leaf; long values
    let sizes =
        [(1, 8, 10), (5, 8, 100), (300, 8, 100), (20_000, 8, 600), (2000, 511, 50), (800, 8, 2100), (90, 8, 50_000)];
    for (n, key, value) in sizes {
        let want = entries(n, key, value);
        let path = |who: &str| folder.path().join(format!("{who}_{n}_{key}_{value}"));
        write_by_us(&path("ours"), &want);
        assert!(read_by_us(&path("ours")) == want, "{n} {key} {value}");
        assert!(read_by_c(&path("ours")) == want, "{n} {key} {value}");
        write_by_c(&path("c"), &want, PutFlags::APPEND);
        assert!(read_by_us(&path("c")) == want, "{n} {key} {value}");
        // put in another order, pages are split and used again
        let mut order = want.clone();
        order.sort_by_key(|(k, _)| k.iter().rev().fold(0u32, |h, &b| h.wrapping_mul(31).wrapping_add(b as u32)));
        write_by_c(&path("split"), &order, PutFlags::empty());
        assert!(read_by_us(&path("split")) == want, "{n} {key} {value}");
    }
}

/// Any number of children must leave every branch page with two: LMDB insists.
#[test]
fn no_branch_has_a_single_child() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..120 {
        // two entries a leaf and seven children a branch: three levels
        let entries: Entries = (0..n).map(|i| (format!("{i:0>500}").into_bytes(), vec![i as u8; 1400])).collect();
        let path = folder.path().join(format!("{n}"));
        write_by_us(&path, &entries);
        assert!(read_by_c(&path) == entries && read_by_us(&path) == entries, "{n}");
    }
}

#[test]
fn a_database_of_ours_can_be_changed_by_the_c_library() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut want) = (folder.path().join("db"), entries(3000, 8, 300));
    write_by_us(&path, &want);
    {
        let mut options = EnvOpenOptions::new();
        // SAFETY: nobody else has it open.
        let env = unsafe { options.map_size(1 << 30).open(&path) }.unwrap();
        let mut w = env.write_txn().unwrap();
        let db: Database<Bytes, Bytes> = env.open_database(&w, None).unwrap().unwrap();
        for (k, _) in want.iter().step_by(3) {
            assert!(db.delete(&mut w, k).unwrap());
        }
        db.put(&mut w, b"zzz", &[7; 9000]).unwrap();
        w.commit().unwrap();
    }
    want = want.into_iter().enumerate().filter(|(i, _)| i % 3 != 0).map(|(_, entry)| entry).collect();
    want.push((b"zzz".to_vec(), vec![7; 9000]));
    assert!(read_by_us(&path) == want);
}

#[test]
fn keys_must_rise() {
    let folder = tempfile::tempdir().unwrap();
    let try_put = |keys: &[&[u8]]| {
        let path = folder.path().join("db");
        let result = lmdb::create(&path, false, |db| keys.iter().try_for_each(|k| db.put(k, b"x")));
        assert_eq!(result.is_ok(), path.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        result.unwrap_err().to_string()
    };
    assert!(try_put(&[b"b", b"a"]).contains("order"));
    assert!(try_put(&[b"a", b"a"]).contains("order"));
    assert!(try_put(&[b""]).contains("empty"));
    assert!(try_put(&[&[b'x'; 512]]).contains("511"));
}

fn small(part: &Labelled, n: usize) -> Labelled {
    let size = part.rows * part.cols;
    Labelled { images: part.images[..n * size].to_vec(), labels: part.labels[..n].to_vec(), ..*part }
}

#[test]
fn mnist_is_converted_as_caffe_does() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(mnist::convert("data/mnist", out.path(), false).unwrap(), [true, true]);
    assert_eq!(mnist::convert("data/mnist", out.path(), false).unwrap(), [false, false]);
    let mnist = mnist::Mnist::load("data/mnist").unwrap();
    for (name, part, n) in [("mnist_train_lmdb", mnist.train, 60000), ("mnist_test_lmdb", mnist.test, 10000)] {
        let entries = read_by_c(&out.path().join(name));
        assert_eq!(entries.len(), n);
        for i in [0, 1, n / 2, n - 1] {
            let (key, value) = &entries[i];
            assert_eq!(key, format!("{i:08}").as_bytes());
            let datum = <cortado::proto::Datum as prost::Message>::decode(&value[..]).unwrap();
            assert_eq!((datum.channels(), datum.height(), datum.width()), (1, 28, 28));
            assert_eq!((datum.data(), datum.label()), (part.image(i), part.labels[i] as i32));
        }
    }
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 2);
}

#[test]
fn a_database_is_kept_or_replaced_whole() {
    let digits = mnist::Mnist::load("data/fashion_small").unwrap().test;
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("mnist_test_lmdb");
    // many at once: one makes it, nobody fails, nothing is left behind
    let made: usize = std::thread::scope(|s| {
        let threads: Vec<_> = (0..8).map(|_| s.spawn(|| mnist::write_lmdb(&digits, &target, false).unwrap())).collect();
        threads.into_iter().map(|t| t.join().unwrap() as usize).sum()
    });
    assert_eq!(made, 1);
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
    // many replace it at once: whole at the end
    std::thread::scope(|s| {
        for n in 1..5 {
            let (digits, target) = (small(&digits, n), &target);
            s.spawn(move || assert!(mnist::write_lmdb(&digits, target, true).unwrap()));
        }
    });
    assert!((1..5).contains(&lmdb::Reader::open(&target).unwrap().len()));
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
    // a broken one is not kept in silence
    std::fs::write(target.join("data.mdb"), b"half").unwrap();
    let e = mnist::convert("data/mnist", out.path(), false).unwrap_err().to_string();
    assert!(e.contains("--overwrite"), "{e}");
    assert!(mnist::convert("data/mnist", out.path(), true).unwrap()[1]);
    assert_eq!(lmdb::Reader::open(&target).unwrap().len(), 10000);
}
