//! What only a card can get wrong: its memory, its copies in pieces, two handles to it.

use super::*;

#[test]
fn a_large_array_goes_there_and_back() {
    let Device::Gpu(gpu) = gpu() else { panic!() };
    // A card takes more than 64 MiB in pieces.
    let len = if is_a_card() { (40 << 20) + 5 } else { 70_001 };
    let mut x = Blob::new(&[len]).unwrap();
    x.data.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = (i % 65_537) as f32);
    let mut y = Blob::new(&[len]).unwrap();
    x.data.card(&gpu).unwrap();
    y.data.copy_from(&x.data).unwrap();
    assert_eq!(y.data.side(), Side::Card);
    assert!(y.data.slice().iter().enumerate().all(|(i, y)| *y == (i % 65_537) as f32));
}

/// What does not fit is an error, and the card goes on.
#[test]
fn more_memory_than_there_is_is_refused() {
    let Device::Gpu(gpu) = gpu() else { panic!() };
    if is_a_card() {
        let e = gpu.alloc(1 << 40).err().unwrap();
        assert_eq!(e.kind(), Kind::Device, "{e}");
    }
    let mut buffer = gpu.alloc(3).unwrap();
    gpu.fill(&mut *buffer, 3, 2.0).unwrap();
    let mut values = [0.0; 3];
    buffer.download(&mut values).unwrap();
    assert_eq!(values, [2.0; 3]);
}

/// Each net opens the card for itself; what one records has no part in the other.
#[test]
fn two_threads_train_on_one_card() {
    let train = || {
        let mut solver = solver(NET, SETTINGS[0], &gpu()).make().unwrap();
        solver.step(12).unwrap();
        bits(&mut solver)
    };
    let alone = train();
    std::thread::scope(|threads| {
        let both = [threads.spawn(train), threads.spawn(train)];
        both.into_iter().for_each(|thread| assert!(thread.join().unwrap() == alone));
    });
}
