//! Tables as text: what is understood, and what is refused, with the line.

use super::complaint;
use cortado::data::csv::{Options, Table};
use cortado::data::imageset::ImageSet;
use cortado::{Kind, Result};
use ndarray::Axis;

fn read(bytes: &[u8], options: Options) -> Result<Table> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, bytes).unwrap();
    Table::read(&path, options)
}

fn options<'a>(label: &'a str, header: Option<bool>) -> Options<'a> {
    Options { label: Some(label).filter(|label| !label.is_empty()), header }
}

#[test]
fn the_same_table_in_many_spellings() {
    let spellings: [(&[u8], &str, Option<bool>); 14] = [
        (b"x,y,t\n1,2,0\n3,4,1\n", "t", None),
        (b"x,y,t\r\n1,2,0\r\n3,4,1", "t", None),
        (b"\xEF\xBB\xBFx,y,t\n1,2,0\n3,4,1\n", "t", None),
        (b"t;x;y\n0;1;2\n1;3;4\n", "t", None),
        (b"x\tt\ty\n1\t0\t2\n3\t1\t4\n", "t", None),
        (b"\"x\",\"y\",\"t\"\n\"1\",2,0\n 3 ,4.0e0,1\n", "t", None),
        (b"1,2,0\n3,4,1\n", "2", None),
        (b"1,2,0\n\n\n3,4,1\n\n", "-1", None),
        (b"0,1,2\n1,3,4\n", "0", None),
        (b"x,y,t\n1,2,0\n3,4,1\n", "-1", None),
        (b"x,y,t\n1,2,0\n3,4,1\n", "2", Some(true)),
        (b"0,1,t\n1,2,0\n3,4,1\n", "t", None), // the label's name says that there are names
        (b"2,1,0\n1,2,0\n3,4,1\n", "0", Some(true)), // a name comes before a number
        (b"1,+2,-0\n.3e1,4.,1\n", "2", Some(false)),
    ];
    for (bytes, label, header) in spellings {
        let text = String::from_utf8_lossy(bytes);
        let table = read(bytes, options(label, header)).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((table.values, table.labels), (vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 1.0]), "{text}");
        assert_eq!(
            table.names.len(),
            if text.starts_with(['1', '0']) && !text.contains('t') { 0 } else { 2 },
            "{text}"
        );
    }
    let plain = read(b"1,2\n3,4\n", Options::default()).unwrap();
    assert_eq!((plain.columns, plain.len(), &plain.labels[..]), (2, 2, &[0.0; 2][..]));
    let (x, t) = plain.arrays([2, 1, 1]).unwrap();
    assert_eq!((x.shape(), x.index_axis(Axis(0), 1).iter().sum::<f32>(), t.len()), (&[2, 2, 1, 1][..], 7.0, 2));
    assert!(complaint(plain.arrays([3, 1, 1])).contains("the shape [3, 1, 1] has 3 values, a line has 2"));
    assert!(plain.arrays([usize::MAX, 2, 1]).is_err());
}

#[test]
fn hostile_tables() {
    let gz_cut = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0];
    let utf16: Vec<u8> = [&[0xFF, 0xFE][..], b"1\0,\x002\0\n\0"].concat();
    let cases: [(&[u8], &str, Option<bool>, &str); 39] = [
        (b"", "", None, "t.csv: the table is empty"),
        (b"\n\r\n\n", "", None, "t.csv: the table is empty"),
        (b"\xEF\xBB\xBF", "", None, "t.csv: the table is empty"),
        (b"x,y,t\n", "", None, "t.csv:1: the table has names, but no line of numbers"),
        (b"1,2\n", "", Some(true), "t.csv:1: the table has names, but no line of numbers"),
        (b"1,2\n3\n", "", None, "t.csv:2: 1 columns where the first line has 2"),
        (b"1,2\n3,4,5\n", "", None, "t.csv:2: 3 columns where the first line has 2"),
        (b"1,2\n3,4,\n", "", None, "t.csv:2: 3 columns where the first line has 2"),
        (b"x,y\n1,2\n\n3,\n", "", None, "t.csv:4: \"\" in column 1 (\"y\") is no number"),
        (b"x,y\r\n1,2\r\n\r\n3,\r\n", "", None, "t.csv:4: \"\" in column 1 (\"y\") is no number"),
        (b"\n\xEF\xBB\xBFx,y\n1,2\n3,\xFF\r\n", "", None, "t.csv:4: the line is not UTF-8 text"),
        (b"x,y\r1,2\r\r3,\r", "", None, "t.csv:4: \"\" in column 1 (\"y\") is no number"),
        (b"x,y\n1,2\n3,four\n", "", None, "t.csv:3: \"four\" in column 1 (\"y\") is no number"),
        (b"1,2\n3,four\n", "", None, "t.csv:2: \"four\" in column 1 is no number"),
        (b"1,2\n3,nan\n", "", None, "\"nan\" in column 1 is no number"),
        (b"1,2\ninf,3\n", "", None, "\"inf\" in column 0 is no number"),
        (b"1,2\n1e99,3\n", "", None, "\"1e99\" in column 0 is no number"),
        (b"1,2\n0x10,3\n", "", None, "\"0x10\" in column 0 is no number"),
        (b"1,2\n1 000,3\n", "", None, "\"1 000\" in column 0 is no number"),
        (b"1;2\n1,5;3\n", "", None, "\"1,5\" in column 0 is no number"),
        (b"1,x\n2,3\n", "", None, "t.csv:1: the first line has both words and numbers"),
        (b"1,x\n2,3\n", "", Some(false), "t.csv:1: \"x\" in column 1 is no number"),
        (b"x,y\n1,2\n", "", Some(false), "t.csv:1: \"x\" in column 0 is no number"),
        (b"x,y\n1,2\n", "z", None, "t.csv:1: there is no column \"z\" among 2"),
        (b"x,y\n1,2\n", "X", None, "there is no column \"X\" among 2"),
        (b"1,2\n", "x", Some(false), "there is no column \"x\" among 2"),
        (b"1,2\n", "2", None, "there is no column \"2\" among 2"),
        (b"1,2\n", "-3", None, "there is no column \"-3\" among 2"),
        (b"1,2\n", "-9223372036854775808", None, "there is no column \"-9223372036854775808\" among 2"),
        (b"1,2\n", "99999999999999999999", None, "there is no column \"99999999999999999999\" among 2"),
        (b"t\n1\n", "t", None, "t.csv:1: the table has no column of values"),
        (b"1,2\n3,\"4\n5,6\n", "", None, "t.csv:2: \"4\\n5,6\\n\" in column 1 is no number"),
        (b"1,2\n3,\xFF\n", "", None, "t.csv:2: the line is not UTF-8 text"),
        (&utf16, "", None, "t.csv:1: the line is not UTF-8 text"),
        (b"1,2\n3,\0\n", "", None, "t.csv:2: \"\\0\" in column 1 is no number"),
        (b"1,2\n# 3,4\n", "", None, "t.csv:2: \"# 3\" in column 0 is no number"),
        (b"<!DOCTYPE html>\n<html lang=\"en\">\n", "", None, "t.csv:2: \"<html lang="),
        (b"\x89PNG\r\n\x1a\n\0\0", "", None, "t.csv:1: the line is not UTF-8 text"),
        (&gz_cut, "", None, "cannot read the table"),
    ];
    for (bytes, label, header, says) in cases {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let e = read(bytes, options(label, header)).err().unwrap_or_else(|| panic!("{text:?} was read"));
        assert!(e.to_string().contains(says), "{text:?}: {e}");
        assert!(matches!(e.kind(), Kind::Data | Kind::File));
        assert!(e.to_string().contains("t.csv"), "{e}");
    }
    // A long word is cut, and a long line is no trouble.
    let e = complaint(read(&[&b"1,2\n3,"[..], &[b'z'; 100_000]].concat(), Options::default()));
    assert!(e.len() < 300, "{e}");
    let wide = vec!["7"; 100_000].join(",");
    assert_eq!(read(wide.as_bytes(), Options::default()).unwrap().columns, 100_000);
    assert!(complaint(Table::read("none.csv", Options::default())).contains("none.csv"));
}

/// Tables with a byte changed are read, or refused; no panic.
#[test]
fn any_byte_may_be_wrong() {
    let whole = b"x,\"y\",t\r\n1,2,0\r\n-3e2,4,1\r\n";
    for at in 0..whole.len() {
        for byte in [0, b'"', b',', b'\n', b'\r', b';', b'\t', b'9', b'e', 0xC3, 0xFF] {
            let mut bytes = whole.to_vec();
            bytes[at] = byte;
            if let Ok(table) = read(&bytes, options("t", None)) {
                assert_eq!(table.values.len(), table.columns * table.len());
            }
        }
        let _ = read(&whole[..at], options("-1", None));
    }
}

#[test]
fn a_sets_names_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "/b/2.png 1\na 1.png 0\n").unwrap();
    let set = ImageSet::of_list("root", &list).unwrap();
    // As in Caffe, which puts the two together; without a root the path is the name.
    assert_eq!(set.path(0), std::path::Path::new("root/b/2.png"));
    assert_eq!(set.path(1), std::path::Path::new("root/a 1.png"));
    assert_eq!(ImageSet::of_list("", &list).unwrap().path(0), std::path::Path::new("/b/2.png"));
    for (text, says) in [
        ("1.png 0\n2.png 1.5\n", "list.txt:2: \"1.5\" is no class"),
        ("1.png 99999999999\n", "list.txt:1: \"99999999999\" is no class"),
        ("1.png\n", "list.txt:1: \"1.png\" is one word"),
        ("", "list.txt: the list has no images"),
    ] {
        std::fs::write(&list, text).unwrap();
        let e = complaint(ImageSet::of_list("", &list));
        assert!(e.contains(says) && e.contains(folder.path().to_str().unwrap()), "{e}");
    }
}
