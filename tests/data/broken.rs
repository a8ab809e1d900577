//! Broken files: each is an error that names the file, and none crashes, hangs or takes the memory it claims to need.

use super::{Feed, counting, param};
use cortado::data::idx::{Idx, Labelled};
use cortado::data::{lmdb, npy};
use cortado::layer::Phase;
use cortado::random::Random;
use cortado::{Kind, Result};
use ndarray::Dimension;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

fn complaint(result: Result<impl Sized>, path: &Path) -> String {
    let e = result.err().expect("an error");
    let text = e.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    text
}

// ---- databases

/// Opens a database and reads all of it.
fn read_all(path: &Path) -> Result<u64> {
    let mut db = lmdb::Reader::open(path)?;
    (0..db.len()).try_for_each(|i| db.get(i).map(|_| ()))?;
    Ok(db.len())
}

#[test]
fn broken_databases() {
    let (folder, good) = counting(1000);
    let bytes = std::fs::read(good.join("data.mdb")).unwrap();
    let path = folder.path().join("broken_lmdb");
    std::fs::create_dir(&path).unwrap();
    let file = path.join("data.mdb");
    let broken = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        std::fs::write(&file, bytes).unwrap();
        let text = complaint(read_all(&path), &file);
        // the layer says the same, when it is set up or when it gets there
        let layer = Feed::new(&param(&path, 100), 2, Phase::Train, 0);
        assert!(layer.and_then(|mut feed| (0..20).try_for_each(|_| feed.forward())).is_err(), "{text}");
        text
    };
    let says = |text: String, what: &str| assert!(text.contains(what), "{text}");
    let put = |b: &mut Vec<u8>, at: usize, with: &[u8]| b[at..at + with.len()].copy_from_slice(with);
    let both = |b: &mut Vec<u8>, at: usize, with: &[u8]| [0, 4096].map(|page| put(b, page + at, with));
    // where things stand in a meta page: page size 40, entries' tree 88 + (depth 6, leaf pages 16, entries 32, root 40)
    says(broken(&|b| b.clear()), "0 bytes");
    says(broken(&|b| b.truncate(100)), "100 bytes");
    says(broken(&|b| b.truncate(4096)), "4096 bytes");
    says(broken(&|b| b.truncate(8192)), "truncated");
    says(broken(&|b| b.truncate(b.len() / 2)), "truncated");
    says(broken(&|b| b.truncate(b.len() - 1)), "truncated");
    says(broken(&|b| b.fill(0)), "not an LMDB database");
    says(broken(&|b| b.fill(0xFF)), "not an LMDB database");
    says(broken(&|b| *b = b"name: \"LeNet\"\n".repeat(1000)), "not an LMDB database");
    says(broken(&|b| put(b, 4096 + 16, &[0; 4])), "not an LMDB database");
    says(broken(&|b| both(b, 20, &999u32.to_le_bytes()).fill(())), "version is 999");
    says(broken(&|b| both(b, 40, &0u32.to_le_bytes()).fill(())), "page size is 0");
    says(broken(&|b| both(b, 40, &u32::MAX.to_le_bytes()).fill(())), "page size");
    says(broken(&|b| both(b, 88 + 6, &u16::MAX.to_le_bytes()).fill(())), "depth 65535");
    says(broken(&|b| both(b, 88 + 6, &7u16.to_le_bytes()).fill(())), "is not a branch");
    says(broken(&|b| both(b, 88 + 6, &1u16.to_le_bytes()).fill(())), "is not a leaf");
    says(broken(&|b| both(b, 88 + 16, &u64::MAX.to_le_bytes()).fill(())), "truncated");
    says(broken(&|b| both(b, 88 + 32, &0u64.to_le_bytes()).fill(())), "empty database");
    says(broken(&|b| both(b, 88 + 32, &2000u64.to_le_bytes()).fill(())), "ends after 1000 of 2000");
    says(broken(&|b| both(b, 88 + 32, &u64::MAX.to_le_bytes()).fill(())), "entries");
    says(broken(&|b| both(b, 88 + 40, &(u64::MAX - 1).to_le_bytes()).fill(())), "beyond the end");
    says(broken(&|b| both(b, 88 + 40, &0u64.to_le_bytes()).fill(())), "page 0 is not a branch");
    // the first leaf is page 2: its end of offsets, its first offset, then its first node's lengths
    says(broken(&|b| put(b, 8192 + 12, &u16::MAX.to_le_bytes())), "page 2 has no end");
    says(broken(&|b| put(b, 8192 + 16, &u16::MAX.to_le_bytes())), "page 2 has a node outside");
    let node = 8192 + u16::from_le_bytes([bytes[8192 + 16], bytes[8192 + 17]]) as usize;
    says(broken(&|b| put(b, node, &u32::MAX.to_le_bytes())), "page 2 has a node outside");
    says(broken(&|b| put(b, node + 6, &u16::MAX.to_le_bytes())), "page 2 has a node outside");
    says(broken(&|b| put(b, node + 4, &1u16.to_le_bytes())), "page");
    says(broken(&|b| put(b, node + 4, &2u16.to_le_bytes())), "databases within");

    std::fs::remove_file(&file).unwrap();
    complaint(read_all(&path), &file);
    std::fs::write(path.join("CURRENT"), b"MANIFEST-000001\n").unwrap();
    says(complaint(read_all(&path), &file), "LevelDB");
    complaint(read_all(&folder.path().join("none")), &folder.path().join("none"));
    let empty = folder.path().join("empty_lmdb");
    lmdb::create(&empty, false, |_| Ok(())).unwrap();
    says(complaint(read_all(&empty), &empty), "empty database");
}

/// Thousands of databases with a few random bytes: whatever is read, it is read or refused.
#[test]
fn no_database_crashes() {
    let (folder, good) = counting(300);
    let long = folder.path().join("long_lmdb");
    lmdb::create(&long, false, |db| (0..40u8).try_for_each(|i| db.put(&[i], &vec![i; 200 * i as usize]))).unwrap();
    for (which, path) in [good, long].iter().enumerate() {
        let path = path.join("data.mdb");
        let bytes = std::fs::read(&path).unwrap();
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let mut set = |at: usize, byte: u8| {
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&[byte]).unwrap();
        };
        let mut refused = 0;
        for trial in 0..2000 {
            let r = Random::new(1, "broken", which as u64 * 10_000 + trial);
            let changes: Vec<(usize, u8)> = (0..1 + r.below(0, 4))
                .map(|k| {
                    // mostly in the heads of pages, where the numbers are that lead elsewhere
                    let page = 4096 * r.below(5 * k + 1, bytes.len() / 4096);
                    let at = page + r.below(5 * k + 2, if r.below(5 * k + 3, 4) > 0 { 150 } else { 4096 });
                    (at, r.bits(5 * k + 4) as u8)
                })
                .collect();
            changes.iter().for_each(|&(at, byte)| set(at, byte));
            refused += read_all(&path).is_err() as usize;
            changes.iter().for_each(|&(at, _)| set(at, bytes[at]));
        }
        assert!(read_all(&path).is_ok());
        assert!(refused > 100, "{refused} of 2000 changes were noticed");
        for pages in (0..bytes.len() / 4096).rev() {
            file.set_len(pages as u64 * 4096 + 1000).unwrap();
            assert!(read_all(&path).is_err());
        }
    }
}

#[test]
fn entries_that_are_no_images() {
    use cortado::proto::Datum;
    use prost::Message;
    let folder = tempfile::tempdir().unwrap();
    let whole = || Datum {
        channels: Some(1),
        height: Some(2),
        width: Some(2),
        data: Some(vec![0; 4]),
        label: Some(1),
        ..Default::default()
    };
    let bytes = |datum: Datum| datum.encode_to_vec();
    let cases: [(&str, Vec<u8>); 11] = [
        ("is not a Datum", b"\x08\x01\x22\xFF\xFF\xFF\xFF\x0F".to_vec()),
        ("is not a Datum", vec![0xFF; 50]),
        ("is not a Datum", b"\x0A\x01\x01".to_vec()), // bytes where channels are a number
        ("is not a Datum", b"\x25\x00\x00\x00\x00".to_vec()), // a number where data are bytes
        ("is not a Datum", b"\x32\x05\x00\x00\x00\x00\x00".to_vec()), // five bytes of floats
        ("has 0 values", Vec::new()),
        ("has 3 values", bytes(Datum { data: Some(vec![0; 3]), ..whole() })),
        ("has 4 values", bytes(Datum { height: Some(-2), width: Some(-2), ..whole() })),
        ("has 4 values", bytes(Datum { height: Some(i32::MAX), width: Some(i32::MAX), ..whole() })),
        ("has 4 values", bytes(Datum { channels: None, ..whole() })),
        ("are of no image; PNG and JPEG", bytes(Datum { encoded: Some(true), ..whole() })),
    ];
    for (i, (says, value)) in cases.iter().enumerate() {
        // the first entry is good: the thread that reads ahead meets the second
        let path = folder.path().join(format!("db{i}"));
        lmdb::create(&path, false, |db| db.put(b"a", &bytes(whole())).and_then(|()| db.put(b"bad\n", value))).unwrap();
        let mut feed = Feed::new(&param(&path, 1), 2, Phase::Train, 0).unwrap();
        feed.forward().unwrap();
        let e = feed.forward().unwrap_err();
        assert!(e.to_string().contains(says) && e.to_string().contains("bad\\n"), "{says}: {e}");
        assert_eq!(e.kind(), Kind::Data);
        assert_eq!(feed.layer.position(), Some(1));
        feed.layer.seek(0).unwrap();
        feed.forward().unwrap();
    }
}

// ---- IDX

fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let sizes = shape.iter().flat_map(|d| d.to_be_bytes());
    [0, 0, 8, shape.len() as u8].into_iter().chain(sizes).chain(data.iter().copied()).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

#[test]
fn broken_idx_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x-idx");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Idx::read(&path)
    };
    let good = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    let want = Idx { shape: vec![2, 1, 3], data: vec![1, 2, 3, 4, 5, 6] };
    assert_eq!(read(&good).unwrap(), want);
    assert_eq!(read(&gz(&good)).unwrap(), want);
    let huge = u32::MAX;
    let zipped = gz(&good);
    let mut flipped = zipped.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let cases: [(&[u8], &str); 30] = [
        (b"", "first bytes: it has 0 of 4"),
        (b"\0\0\x08", "first bytes: it has 3 of 4"),
        (b"PNG image", "not those of an IDX file"),
        (&idx(&[], &[]), "not those of an IDX file"),
        (&idx(&[1; 5], &[1]), "not those of an IDX file"),
        (b"\0\0\x0D\x01\0\0\0\x01\0\0\0\0", "type 0x0d"),
        (&good[..7], "within its sizes"),
        (&good[..good.len() - 1], "values of shape [2, 1, 3]: it has 5 of 6"),
        (&[&good[..], b"x"].concat(), "goes on"),
        (&idx(&[huge, huge, huge], &[]), "too large"),
        (&idx(&[i32::MAX as u32], b"abc"), "it has 3 of 2147483647"),
        (&zipped[..zipped.len() / 2], "cannot read"),
        (&flipped, "cannot read"),
        (b"\0", "first bytes: it has 1 of 4"),
        (b"\x1F\x8B", "cannot read"),
        (&gz(b""), "first bytes: it has 0 of 4"),
        (&gz(&good[..10]), "within its sizes: it has 6 of 12"),
        (&gz(&[&good[..], b"x"].concat()), "goes on"),
        (&gz(&zipped), "not those of an IDX file"),
        (b"\x01\0\x08\x01\0\0\0\0", "not those of an IDX file"),
        (b"\0\x01\x08\x01\0\0\0\0", "not those of an IDX file"),
        (b"\x03\x01\x08\0\0\0\0\0", "not those of an IDX file"), // the bytes in the other order
        (b"\0\0\x08\xFF\0\0\0\0", "not those of an IDX file"),
        (b"\0\0\0\x01\0\0\0\0", "type 0x00"),
        (b"\0\0\x0B\x01\0\0\0\x01\0\0", "type 0x0b"),
        (b"\0\0\xFF\x03", "type 0xff"),
        (&good[..4], "within its sizes: it has 0 of 12"),
        (&good[..16], "values of shape [2, 1, 3]: it has 0 of 6"),
        (&idx(&[2, huge, huge, huge], &[]), "too large"),
        (&gz(&idx(&[1 << 20, 1 << 8], &[1, 2])), "it has 2 of 268435456"),
    ];
    for (bytes, says) in cases {
        let text = complaint(read(bytes), &path);
        assert!(text.contains(says), "{text}");
    }
    complaint(Idx::read(folder.path().join("none")), &folder.path().join("none"));

    let labels = folder.path().join("t-idx");
    let pair = |images: &[u8], t: &[u8]| {
        std::fs::write(&path, images).unwrap();
        std::fs::write(&labels, t).unwrap();
        Labelled::read(&path, &labels)
    };
    assert_eq!(pair(&good, &idx(&[2], &[7, 8])).unwrap().image(1), [4, 5, 6]);
    assert!(complaint(pair(&good, &idx(&[3], &[7, 8, 9])), &path).contains("2 images"));
    assert!(complaint(pair(&good, &good), &labels).contains("one axis"));
    assert!(complaint(pair(&idx(&[2], &[7, 8]), &idx(&[2], &[7, 8])), &path).contains("three axes"));
    assert!(complaint(pair(&idx(&[0, 1, 1], &[]), &idx(&[0], &[])), &path).contains("empty"));
}

// ---- .npy

fn npy_file(version: u8, header: &str, values: &[u8]) -> Vec<u8> {
    let len = header.len() as u32;
    let len = if version == 1 { (len as u16).to_le_bytes().to_vec() } else { len.to_le_bytes().to_vec() };
    [b"\x93NUMPY", &[version, 0][..], &len, header.as_bytes(), values].concat()
}

#[test]
fn npy_files_of_all_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let read = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        npy::read(&path)
    };
    let header = |descr: &str, fortran: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}  \n")
    };
    let f4 = |x: &[f32]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let x = [1.0f32, -2.0, 3.5, 4.0, 5.0, 6.0];
    let c = read(npy_file(1, &header("<f4", "False", "(2, 3)"), &f4(&x))).unwrap();
    assert_eq!((c.shape(), c.as_slice().unwrap()), (&[2, 3][..], &x[..]));
    let f = read(npy_file(2, &header("<f4", "True", "(2, 3)"), &f4(&x))).unwrap();
    assert_eq!(f.as_slice().unwrap(), [1.0, 3.5, 5.0, -2.0, 4.0, 6.0]);
    let i8s: Vec<u8> = [-7i64, 1 << 40].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(read(npy_file(1, &header("<i8", "False", "(2,)"), &i8s)).unwrap().as_slice().unwrap()[0], -7.0);
    let i4s: Vec<u8> = [-7i32].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(read(npy_file(1, &header("<i4", "False", "()"), &i4s)).unwrap()[[]], -7.0);
    assert_eq!(read(npy_file(1, &header("|u1", "False", "(1,)"), &[255])).unwrap()[0], 255.0);
    assert_eq!(read(npy_file(3, &header("<f8", "False", "(1,)"), &0.5f64.to_le_bytes())).unwrap()[0], 0.5);
    assert_eq!(read(npy_file(1, &header("<f4", "False", "(0, 4)"), &[])).unwrap().shape(), [0, 4]);

    for shape in [&[][..], &[0], &[3, 1, 2]] {
        let x = ndarray::ArrayD::from_shape_fn(shape, |i| i.slice().iter().sum::<usize>() as f32);
        npy::write(&path, x.view()).unwrap();
        assert_eq!(npy::read(&path).unwrap(), x);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len() - 4 * x.len()) % 64, 0);
    }
}

#[test]
fn broken_npy_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
    let good = npy_file(1, header, &[0; 16]);
    let says = |what: &str, bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let text = complaint(npy::read(&path), &path);
        assert!(text.contains(what), "{text}");
    };
    says("first bytes", b"");
    says("not a .npy file", b"PK\x03\x04 an archive");
    says("version 9", &npy_file(9, header, &[0; 16]));
    says("within its values: it has 15 of 16", &good[..good.len() - 1]);
    says("within its header", &good[..30]);
    says("header of 4294967295 bytes", b"\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{}");
    says("cannot understand", &npy_file(1, "{'descr': '<f4'}", &[]));
    says("cannot understand", &npy_file(1, &header.replace("(2, 2)", "(2, -2)"), &[]));
    says("cannot understand", &npy_file(1, &header.replace("(2, 2)", "(99999999999999999999999, 2)"), &[]));
    says("cannot understand", &npy_file(1, &header.replace("False", "Maybe"), &[]));
    says("type '>f2'", &npy_file(1, &header.replace("<f4", ">f2"), &[0; 16]));
    says("type '|O'", &npy_file(1, &header.replace("<f4", "|O"), &[0; 16]));
    says("too large", &npy_file(1, &header.replace("(2, 2)", "(4294967296, 4294967296)"), &[]));
    says("within its values: it has 0 of", &npy_file(1, &header.replace("(2, 2)", "(40000, 40000)"), &[]));
    says("not text", &[b"\x93NUMPY\x01\x00\x02\x00\xFF\xFE"[..].to_vec(), vec![0; 8]].concat());
    assert!(npy::read(folder.path().join("none")).is_err());
}
