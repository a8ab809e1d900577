//! The README's commands for one's own photographs, and for a digit.

use crate::bench::Bench;
use crate::pictures::png;
use cortado::data::idx::Labelled;
use cortado::data::mnist::{self, Mnist};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The commands of the README's code block that has this word, without the program's path.
fn readme(word: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap().replace("\\\n", " ");
    let block =
        text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).find(|block| block.contains(word));
    let lines = block.unwrap_or_else(|| panic!("no block has {word}")).lines();
    let command =
        |line: &str| Some(line.split('#').next()?.trim().strip_prefix("target/release/cortado ")?.to_string());
    lines.filter_map(command).collect()
}

fn copy(bench: &Bench, name: &str) {
    bench.write(name, std::fs::read(format!("{ROOT}/{name}")).unwrap());
}

#[test]
fn own_photographs_in_four_commands() {
    let commands = readme("convert imageset");
    let names: Vec<&str> = commands.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["convert", "mean", "train", "classify"]);
    let bench = Bench::new();
    for name in ["proto/caffe.proto", "proto/photos.prototxt", "proto/photos_solver.prototxt"] {
        copy(&bench, name);
    }
    // Mostly red and mostly blue, of many sizes.
    let photo = |i: usize, class: usize| {
        let (h, w) = (20 + 3 * i, 40 - i);
        let pixel = |at: usize| {
            let noise = ((at * 37 + i * 101) % 60) as u8;
            if class == 0 { [150 + noise, 60, noise] } else { [noise, 60, 150 + noise] }
        };
        png(h, w, &(0..h * w).flat_map(pixel).collect::<Vec<u8>>())
    };
    for i in 0..10 {
        for (class, name) in ["cats", "dogs"].into_iter().enumerate() {
            bench.write(&format!("photos/{name}/photo {i}.png"), photo(i, class));
        }
    }
    let last = commands[3].split(' ').next_back().unwrap();
    for (class, name) in ["cats", "dogs"].into_iter().enumerate() {
        bench.write(last, photo(11, class));
        if class == 0 {
            commands[..3].iter().for_each(|line| drop(bench.good(line)));
        }
        let said = bench.good(&commands[3]).out;
        let best = said.lines().nth(2).unwrap();
        assert!(best.ends_with(name), "{said}");
        assert!(best.trim().split(' ').next().unwrap().parse::<f32>().unwrap() > 0.9, "{said}");
    }
}

#[test]
fn a_digit_is_classified() {
    let line = readme("seven.png").into_iter().find(|line| line.contains("seven.png")).unwrap();
    let bench = Bench::new();
    for name in ["proto/caffe.proto", "proto/lenet.prototxt", "proto/lenet_train_test.prototxt", "data/digit/seven.png"]
    {
        copy(&bench, name);
    }
    let Labelled { rows, cols, images, labels } = Mnist::load(format!("{ROOT}/data/mnist")).unwrap().train;
    let few = Labelled { rows, cols, images: images[..4000 * rows * cols].to_vec(), labels: labels[..4000].to_vec() };
    for name in ["data/mnist_train_lmdb", "data/mnist_test_lmdb"] {
        mnist::write_lmdb(&few, &bench.path(name), false).unwrap();
    }
    bench.write("solver.prototxt", "net: \"proto/lenet_train_test.prototxt\" base_lr: 0.01 lr_policy: \"fixed\" momentum: 0.9 max_iter: 100 test_iter: 1 test_interval: 1000 snapshot_prefix: \"snapshots/lenet\"");
    bench.good("train --solver solver.prototxt");
    let said = bench.good(&line.replace("iter_10000", "iter_100")).out;
    assert_eq!(said.lines().nth(2).unwrap().split_whitespace().last(), Some("7"), "{said}");
}
