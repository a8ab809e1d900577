//! NumPy's files: every type, order and version; and files that are broken.

use cortado::Result;
use cortado::data::npy;
use ndarray::ArrayD;

/// A file as NumPy writes it.
fn file(version: u8, descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn read(bytes: &[u8]) -> Result<ArrayD<f32>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    std::fs::write(&path, bytes).unwrap();
    npy::read(path)
}

fn bytes<const N: usize>(values: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
    values.into_iter().flatten().collect()
}

#[test]
fn every_type_order_and_version_is_read() {
    let n = [0i32, 1, 2, 3, 4, 250];
    let types: [(&str, Vec<u8>); 9] = [
        ("<f4", bytes(n.map(|n| (n as f32).to_le_bytes()))),
        (">f4", bytes(n.map(|n| (n as f32).to_be_bytes()))),
        ("<f8", bytes(n.map(|n| f64::from(n).to_le_bytes()))),
        (">f8", bytes(n.map(|n| f64::from(n).to_be_bytes()))),
        ("|u1", bytes(n.map(|n| [n as u8]))),
        ("<i4", bytes(n.map(i32::to_le_bytes))),
        (">i4", bytes(n.map(i32::to_be_bytes))),
        ("<i8", bytes(n.map(|n| i64::from(n).to_le_bytes()))),
        (">i8", bytes(n.map(|n| i64::from(n).to_be_bytes()))),
    ];
    let (rows, columns) =
        (ndarray::arr2(&[[0., 1., 2.], [3., 4., 250.0f32]]), ndarray::arr2(&[[0., 2., 4.], [1., 3., 250.0f32]]));
    for (descr, values) in &types {
        for version in 1..=3 {
            assert_eq!(
                read(&file(version, descr, false, "(2, 3)", values)).unwrap(),
                rows.clone().into_dyn(),
                "{descr}"
            );
            assert_eq!(
                read(&file(version, descr, true, "(2, 3)", values)).unwrap(),
                columns.clone().into_dyn(),
                "{descr}"
            );
        }
    }
    assert_eq!(read(&file(1, "<f4", false, "()", &7f32.to_le_bytes())).unwrap(), ndarray::arr0(7.0).into_dyn());
    assert_eq!(read(&file(1, "<f4", false, "(0, 3)", &[])).unwrap().shape(), [0, 3]);
}

#[test]
fn broken_files_are_errors_that_name_the_file() {
    let good = || file(1, "<f4", false, "(2, 3)", &[0; 24]);
    let shape = |shape: &str| file(1, "<f4", false, shape, &[0; 24]);
    let of_type = |descr: &str| file(1, descr, false, "(2, 3)", &[0; 24]);
    let with = |at: usize, byte: u8| {
        let mut bytes = good();
        bytes[at] = byte;
        bytes
    };
    let text = |from: &str, to: &str| {
        let bytes = String::from_utf8_lossy(&good()[10..]).replacen(from, to, 1).into_bytes();
        let header = bytes.len() - 24;
        [&b"\x93NUMPY\x01\0"[..], &(header as u16).to_le_bytes(), &bytes].concat()
    };
    let mistakes: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "ends within its first bytes: it has 0 of 8"),
        (good()[..5].to_vec(), "ends within its first bytes"),
        (good()[..8].to_vec(), "ends within its header"),
        (good()[..9].to_vec(), "ends within its header: it has 1 of 2"),
        (good()[..30].to_vec(), "ends within its header"),
        (good()[..good().len() - 1].to_vec(), "ends within its values: it has 23 of 24"),
        (good()[..good().len() - 24].to_vec(), "ends within its values: it has 0 of 24"),
        (with(0, 0), "not a .npy file"),
        (with(5, b'y'), "not a .npy file"),
        (b"PK\x03\x04 a .npz file".to_vec(), "not a .npy file"),
        (with(6, 0), "version 0"),
        (with(6, 4), "version 4"),
        (with(6, 2), "a header of"),
        (with(9, 0xFF), "ends within its header"),
        (with(20, 0xFF), "the header is not text"),
        (with(8, 3), "cannot understand the header"),
        (shape("(2, 4)"), "ends within its values: it has 24 of 32"),
        (shape("(-2, 3)"), "cannot understand the header"),
        (shape("(2.5, 3)"), "cannot understand the header"),
        (shape("[2, 3]"), "cannot understand the header"),
        (shape("(2, 3"), "cannot understand the header"),
        (shape("(65536, 65536)"), "the shape [65536, 65536] is too large"),
        (shape("(18446744073709551615, 2)"), "is too large"),
        (shape("(18446744073709551616,)"), "cannot understand the header"),
        (shape("(2000000000,)"), "ends within its values: it has 24 of 8000000000"),
        (of_type("<f2"), "values of type '<f2'"),
        (of_type("<c8"), "values of type '<c8'"),
        (of_type("|O"), "values of type '|O'"),
        (of_type(""), "values of type ''"),
        (of_type("<f8"), "ends within its values: it has 24 of 48"),
        (text("'descr'", "'desk'"), "cannot understand the header"),
        (text("'fortran_order'", "'order'"), "cannot understand the header"),
        (text("False", "Maybe"), "cannot understand the header"),
        (text("'shape'", "'size'"), "cannot understand the header"),
    ];
    assert!(mistakes.len() >= 25);
    for (bytes, why) in mistakes {
        let e = read(&bytes).expect_err(why);
        assert!(e.message().contains("x.npy: ") && e.message().contains(why), "want {why}: {e}");
    }
    assert!(read(&good()).is_ok());
}
