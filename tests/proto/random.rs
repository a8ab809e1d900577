//! Any message at all: what is printed is read back as it was, and what is read never panics.

use cortado::proto::schema::{self, Label, Message, Type};
use cortado::proto::{NetParameter, SolverParameter, binary, text};
use proptest::collection::vec;
use proptest::prelude::*;

/// A tree of choices: for each field of a message, by position, its values.
fn message(schema: &'static Message, depth: u32) -> BoxedStrategy<String> {
    let fields = schema.fields.iter().filter(|f| depth > 0 || !matches!(f.ty, Type::Message(_)));
    let required = schema.fields.iter().filter(|f| f.label == Label::Required);
    let optional: Vec<_> = fields.filter(|f| f.label != Label::Required).collect();
    let count = optional.len().min(5);
    let required: Vec<_> = required.map(|f| value(f.ty, 0).prop_map(|v| format!("{}: {v}\n", f.name))).collect();
    let chosen = proptest::sample::subsequence(optional, 0..=count);
    let chosen = chosen.prop_flat_map(move |fields| {
        let fields: Vec<_> = fields
            .into_iter()
            .map(move |f| {
                let most = if f.label == Label::Repeated { 3 } else { 1 };
                vec(value(f.ty, depth), 1..=most)
                    .prop_map(move |values| values.iter().map(|v| format!("{}: {v}\n", f.name)).collect::<String>())
            })
            .collect();
        fields.prop_map(|fields| fields.concat())
    });
    (required, chosen).prop_map(|(required, chosen)| required.concat() + &chosen).boxed()
}

/// A value as text, in one of the ways in which it can be written.
fn value(ty: Type, depth: u32) -> BoxedStrategy<String> {
    match ty {
        Type::Bool => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        Type::Int32 => any::<i32>().prop_map(|v| v.to_string()).boxed(),
        Type::Int64 => any::<i64>().prop_map(|v| v.to_string()).boxed(),
        Type::Uint32 => any::<u32>().prop_map(|v| format!("{v:#x}")).boxed(),
        Type::Uint64 => any::<u64>().prop_map(|v| v.to_string()).boxed(),
        // All bit patterns but NaN, which is not equal to itself: subnormal, infinite and minus zero among them.
        Type::Float => any::<u32>()
            .prop_map(f32::from_bits)
            .prop_filter("not NaN", |v| !v.is_nan())
            .prop_map(|v| format!("{v:e}"))
            .boxed(),
        Type::Double => any::<u64>()
            .prop_map(f64::from_bits)
            .prop_filter("not NaN", |v| !v.is_nan())
            .prop_map(|v| format!("{v:e}"))
            .boxed(),
        Type::String => any::<String>().prop_map(|s| octal(s.as_bytes())).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..20).prop_map(|b| octal(&b)).boxed(),
        Type::Enum(e) => (0..e.values.len()).prop_map(|i| e.values[i].0.to_owned()).boxed(),
        Type::Message(m) => message(m, depth.saturating_sub(1)).prop_map(|body| format!("{{ {body} }}")).boxed(),
    }
}

fn octal(bytes: &[u8]) -> String {
    let escapes: String = bytes.iter().map(|b| format!("\\{b:03o}")).collect();
    format!("'{escapes}'")
}

fn comes_back<M: text::Named + PartialEq + std::fmt::Debug>(written: &str) {
    let once = text::parse::<M>(written, "written").unwrap_or_else(|e| panic!("{e}\n{written}")).message;
    let printed = text::print(&once);
    let twice = text::parse::<M>(&printed, "printed").unwrap_or_else(|e| panic!("{e}\n{printed}")).message;
    assert_eq!(once, twice, "{printed}");
    assert_eq!(text::print(&twice), printed);
    assert_eq!(binary::decode::<M>(&binary::encode(&once)).unwrap(), once);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nets_come_back(written in message(schema::message("NetParameter").unwrap(), 4)) {
        comes_back::<NetParameter>(&written);
    }

    #[test]
    fn solvers_come_back(written in message(schema::message("SolverParameter").unwrap(), 4)) {
        comes_back::<SolverParameter>(&written);
    }

    /// Upgrading whatever parses gives a net without old layers, or an error; never a panic.
    #[test]
    fn upgrades_do_not_panic(written in message(schema::message("NetParameter").unwrap(), 4)) {
        let mut net = text::parse::<NetParameter>(&written, "written").unwrap();
        if net.upgrade().is_ok() {
            prop_assert!(net.message.layers.is_empty() && net.message.input.is_empty());
        }
    }

    /// A net with a piece cut out, or with rubbish put in, is read or refused; never a panic.
    #[test]
    fn rubbish_does_not_panic(from in 0usize..900, len in 0usize..60, rubbish in "[ -~\\n{}<>\\[\\]:'\"\\\\#é]{0,12}") {
        let net = include_str!("../../proto/lenet_train_test.prototxt");
        let (from, to) = (from.min(net.len()), (from + len).min(net.len()));
        let spoiled = format!("{}{rubbish}{}", &net[..from], &net[to..]);
        if let Err(e) = text::parse::<NetParameter>(&spoiled, "spoiled") {
            let place = e.place().expect("every error has its place");
            prop_assert!(place.line <= spoiled.lines().count() + 1);
            prop_assert!(!e.to_string().is_empty());
        }
        let _ = text::parse::<NetParameter>(&rubbish, "rubbish");
    }

    /// Bytes at random, and weights with a byte changed, are decoded or refused.
    #[test]
    fn bytes_do_not_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = binary::decode::<NetParameter>(&bytes);
    }
}
