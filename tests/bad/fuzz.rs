//! Nets and solvers with random slips of the pen: whatever they say, they are built and run, or refused.

use super::{Log, database, survive};
use cortado::layer::Phase;
use cortado::random::Random;
use cortado::{Device, Result, net, solver};

/// What a number becomes: small, or so large that no honest blob has it.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "-2",
    "0.5",
    "-0.5",
    "1e30",
    "nan",
    "inf",
    "2147483648",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
];

/// A text in tokens: words, numbers, strings, marks.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut rest = line.split('#').next().unwrap_or("").trim_start();
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |i| i + 2),
                '{' | '}' | ':' | '[' | ']' | ',' | ';' | '<' | '>' => 1,
                _ => rest.find(|c: char| c.is_whitespace() || "{}:[],;<>\"'".contains(c)).unwrap_or(rest.len()),
            };
            tokens.push(rest[..end].to_string());
            rest = rest[end..].trim_start();
        }
    }
    tokens
}

/// The end of the field that begins at token `i`: of `name: value` or `name { .. }`.
fn field_end(tokens: &[String], i: usize) -> usize {
    let mut depth = 0i32;
    for (j, token) in tokens.iter().enumerate().skip(i + 1) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            ":" => continue,
            _ if depth > 0 => continue,
            _ => {}
        }
        if depth <= 0 {
            return j + 1;
        }
    }
    tokens.len()
}

/// One to four slips.
fn mutate(tokens: &mut Vec<String>, random: &Random) {
    let mut drawn = 0;
    let mut below = |n: usize| {
        drawn += 1;
        random.below(drawn, n.max(1))
    };
    for _ in 0..1 + below(4) {
        let (i, j) = (below(tokens.len()), below(tokens.len()));
        let numbers: Vec<usize> = (0..tokens.len()).filter(|&k| tokens[k].parse::<f64>().is_ok()).collect();
        match below(8) {
            0..=3 if !numbers.is_empty() => {
                tokens[numbers[below(numbers.len())]] = NUMBERS[below(NUMBERS.len())].into()
            }
            4 => drop(tokens.drain(i..field_end(tokens, i))),
            5 => {
                let field = tokens[i..field_end(tokens, i)].to_vec();
                tokens.splice(i..i, field);
            }
            6 => tokens[i] = tokens[j].clone(),
            _ => {
                // two values of one kind change places
                let kind = |t: &str| (t.starts_with('"'), t.parse::<f64>().is_ok(), t.len() == 1);
                if kind(&tokens[i]) == kind(&tokens[j]) {
                    tokens.swap(i, j);
                }
            }
        }
    }
}

/// The nets and solvers that are right.
fn corpus() -> Vec<(String, Vec<String>)> {
    let mut corpus = Vec::new();
    for folder in ["proto", "tests/golden/layers", "tests/golden/nets", "tests/golden/solvers"] {
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for path in files.into_iter().filter(|p| p.extension().is_some_and(|e| e == "prototxt")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replace("data/mnist_train_lmdb", "target/tmp/bad_lmdb");
            let text = text.replace("data/mnist_test_lmdb", "target/tmp/bad_lmdb");
            corpus.push((path.display().to_string(), tokens(&text)));
        }
    }
    corpus
}

fn run(text: &str, is_solver: bool, device: &Device) -> Result {
    if is_solver {
        let mut builder =
            solver::Builder::parse(text, "fuzz")?.device(device).log(&Log::silent()).folder("tests/golden/solvers");
        let param = builder.param_mut();
        param.max_iter = Some(param.max_iter().min(2));
        param.test_iter.iter_mut().for_each(|n| *n = (*n).min(2));
        param.iter_size = Some(param.iter_size().min(2));
        param.snapshot_prefix = None; // so that nothing is written
        return builder.make()?.solve();
    }
    for phase in [Phase::Train, Phase::Test] {
        let mut net = net::Builder::parse(text, "fuzz")?.phase(phase).device(device).log(&Log::silent()).make()?;
        net.forward()?;
        net.backward()?;
    }
    Ok(())
}

#[test]
fn slips_of_the_pen() {
    database();
    let (mut corpus, device) = (corpus(), Device::cpu_with_threads(1));
    corpus.retain(|(name, tokens)| run(&tokens.join(" "), name.contains("solver"), &device).is_ok());
    assert!(corpus.len() > 150, "{} of the corpus run", corpus.len()); // the others have layers that are not there yet
    let trials: usize = std::env::var("CORTADO_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let seed = std::env::var("CORTADO_FUZZ_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let (mut refused, mut ran) = (0, 0);
    for trial in 0..trials {
        let random = Random::new(seed, "fuzz", trial as u64);
        let (name, good) = &corpus[trial % corpus.len()];
        let mut tokens = good.clone();
        mutate(&mut tokens, &random);
        let text = tokens.join(" ");
        match survive(&format!("{name}, trial {trial}: {text}"), || run(&text, name.contains("solver"), &device)) {
            Ok(()) => ran += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(ran > trials / 20 && refused > trials / 10, "{ran} ran, {refused} were refused");
}

/// Numbers that are large and mean something nevertheless.
#[test]
fn large_numbers_that_are_no_mistake() {
    let input = r#"layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }"#;
    let rest = [
        r#"type: "LRN" lrn_param { local_size: 4294967295 }"#,
        r#"type: "LRN" lrn_param { local_size: 4294967295 norm_region: WITHIN_CHANNEL }"#,
        r#"type: "Pooling" pooling_param { kernel_size: 2 stride: 4294967295 }"#,
        r#"type: "Pooling" pooling_param { kernel_size: 65536 pad: 65535 stride: 4000000000 pool: AVE }"#,
        r#"type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 stride: 2147483647 }"#,
        r#"type: "Convolution" convolution_param { num_output: 2 kernel_size: 1 dilation: 2147483647 }"#,
    ];
    for layer in rest {
        let text = format!(r#"force_backward: true {input} layer {{ name: "it" bottom: "x" top: "y" {layer} }}"#);
        survive(layer, || run(&text, false, &Device::cpu())).unwrap();
    }
}
