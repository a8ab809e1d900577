//! What each upgrade does, and what it refuses. (What Caffe made of whole files is in `golden.rs`.)

use cortado::proto::schema::Type;
use cortado::proto::text::Named;
use cortado::proto::{LayerParameter, NetParameter, SolverParameter, V1LayerParameter, text};

fn net(old: &str) -> (String, Vec<String>) {
    let mut net = text::parse::<NetParameter>(old, "old").unwrap_or_else(|e| panic!("{e}"));
    let notes = net.upgrade().unwrap_or_else(|e| panic!("{e}"));
    (text::print(&net.message), notes)
}

/// A message as it is printed, from any way of writing it.
fn printed(new: &str) -> String {
    text::print(&text::parse::<NetParameter>(new, "new").unwrap_or_else(|e| panic!("{e}")).message)
}

fn refused(old: &str) -> String {
    let mut net = text::parse::<NetParameter>(old, "old").unwrap_or_else(|e| panic!("{e}"));
    net.upgrade().unwrap_err().to_string()
}

#[test]
fn a_net_of_today_stays_as_it_is() {
    let today = include_str!("../../proto/lenet_train_test.prototxt");
    assert_eq!(net(today), (printed(today), vec![]));
}

#[test]
fn inputs_become_an_input_layer() {
    let (new, notes) =
        net("input: 'a' input: 'b' input_shape { dim: 3 } input_shape { dim: [4, 5] } layer { name: 'x' }");
    let expected = "layer { name: 'input' type: 'Input' top: 'a' top: 'b' input_param { shape { dim: 3 } shape { dim: [4, 5] } } } layer { name: 'x' }";
    assert_eq!(new, printed(expected));
    assert_eq!(notes, ["the net's old `input` fields became a layer \"input\" of type Input"]);
    let (new, _) = net("input: 'a' input_dim: [1, 2, 3, 4]");
    assert_eq!(
        new,
        printed("layer { name: 'input' type: 'Input' top: 'a' input_param { shape { dim: [1, 2, 3, 4] } } }")
    );

    let why = "one `input` needs one `input_shape`, or four `input_dim`; there are";
    for (fields, counts) in
        [("input_dim: 1 input_dim: 2", "0 and 2"), ("", "0 and 0"), ("input_shape {} input_shape {}", "2 and 0")]
    {
        let message = refused(&format!("name: 'n'\ninput: 'a' {fields}"));
        assert!(message.starts_with(&format!("old:2:1: {why} {counts}\n")), "{message}");
    }
    let two = refused("input: 'a' input: 'b'");
    assert!(two.contains("2 `input` need as many `input_shape`, or four `input_dim` each; there are 0 and 0"), "{two}");
}

/// Old files of weights name their inputs, without shapes.
#[test]
fn weights_need_no_inputs() {
    let weights = "layers { name: 'ip' type: INNER_PRODUCT blobs { num: 1 channels: 1 height: 1 width: 1 data: 2 } }";
    let (new, notes) = net(&format!("input: 'data' {weights}"));
    assert_eq!(new, net(weights).0);
    assert_eq!(notes.last().unwrap(), "the net's old `input` fields have no shapes and were left out");
    assert!(refused(&format!("input: 'data' input_dim: 1 {weights}")).contains("there are 0 and 1"));
}

#[test]
fn transformations_leave_the_data_parameters() {
    let old = "layers { name: 'd' type: IMAGE_DATA image_data_param { source: 's' scale: 0.5 mean_file: 'm' crop_size: 8 mirror: true } }";
    let new = "layer { name: 'd' type: 'ImageData' transform_param { scale: 0.5 mean_file: 'm' crop_size: 8 mirror: true } image_data_param { source: 's' } }";
    assert_eq!(net(old).0, printed(new));
    let old = "layers { name: 'd' type: DATA transform_param { mirror: true } data_param { scale: 0.5 } }";
    let (new, notes) = net(old);
    assert_eq!(
        new,
        printed("layer { name: 'd' type: 'Data' transform_param { mirror: true scale: 0.5 } data_param {} }")
    );
    assert_eq!(notes[0], "layer \"d\": data_param.scale moved to `transform_param`");
    let both = refused("layers { name: 'd' transform_param { scale: 1 }\n data_param { scale: 0.5 } }");
    assert!(both.starts_with("old:2:15: layer \"d\": `scale` is set here and in `transform_param`\n"), "{both}");
    let today = "layer { name: 'd' type: 'Data' transform_param { mirror: true } data_param { scale: 0.5 } }";
    assert_eq!(net(today), (printed(today), vec![]));
}

#[test]
fn the_statistics_of_a_batch_norm_are_not_learned() {
    let (new, notes) = net(
        "layer { name: 'bn' type: 'BatchNorm' param { name: 'mean' lr_mult: 1 } param { lr_mult: 0 } param { decay_mult: 2 } }",
    );
    let zero = "lr_mult: 0 decay_mult: 0";
    let expected = format!(
        "layer {{ name: 'bn' type: 'BatchNorm' param {{ name: 'mean' {zero} }} param {{ {zero} }} param {{ {zero} }} }}"
    );
    assert_eq!(new, printed(&expected));
    assert_eq!(notes, ["layer \"bn\": lr_mult and decay_mult of the old BatchNorm became 0"]);
    assert_eq!(net(&expected), (printed(&expected), vec![]));
    let two = "layer { name: 'c' type: 'Convolution' param { lr_mult: 0 } param { lr_mult: 0 } param { lr_mult: 0 } }";
    assert_eq!(net(two), (printed(two), vec![]));
}

#[test]
fn rows_of_multipliers_become_params() {
    let old = "layers { name: 'c' type: DECONVOLUTION param: 'w' param: 'b' blob_share_mode: PERMISSIVE blobs_lr: 1 weight_decay: 3 weight_decay: 4 weight_decay: 5 }";
    let new = "layer { name: 'c' type: 'Deconvolution' param { name: 'w' share_mode: PERMISSIVE lr_mult: 1 decay_mult: 3 } param { name: 'b' decay_mult: 4 } param { decay_mult: 5 } }";
    assert_eq!(net(old).0, printed(new));
    let both = refused("layer { name: 'new' }\nlayers { name: 'old' }");
    assert!(both.starts_with("old:2:1: a net has either `layer { }` or the old `layers { }`, not both\n"), "{both}");
}

/// Every type of the second format has a name that Caffe's files use today.
#[test]
fn every_old_type_has_a_name() {
    let schema = cortado::proto::schema::message("V1LayerParameter").unwrap().field("type").unwrap();
    let cortado::proto::schema::Type::Enum(types) = schema.ty else { panic!() };
    assert_eq!(types.values.len(), 40);
    for (old, _) in types.values.iter().filter(|v| v.0 != "NONE") {
        let mut net = text::parse::<NetParameter>(&format!("layers {{ type: {old} }}"), "old").unwrap();
        net.upgrade().unwrap();
        let new = net.message.layer[0].r#type().to_lowercase();
        let same = old.replace('_', "").to_lowercase();
        assert_eq!(new, if same == "softmaxloss" { "softmaxwithloss".to_owned() } else { same });
    }
}

#[test]
fn the_first_format_is_strict() {
    let unknown = refused("layers { layer { name: 'c' type: 'convolution' } }");
    assert!(
        unknown.starts_with("old:1:28: layer \"c\": Caffe's first format has no layer type \"convolution\"\n"),
        "{unknown}"
    );
    let means_nothing = refused("layers {\n layer { name: 'r' type: 'relu'\n num_output: 3 } }");
    assert!(
        means_nothing.starts_with("old:3:2: layer \"r\": `num_output` means nothing to a layer of type \"relu\"\n"),
        "{means_nothing}"
    );
    let padded = refused(
        "layers { layer { name: 'p' type: 'padding' pad: 1 } bottom: 'x' top: 'y' }\nlayers { layer { name: 'r' type: 'relu' } bottom: 'y' top: 'y' }",
    );
    assert!(
        padded.starts_with("old:2:1: layer \"r\": only \"conv\" and \"pool\" layers can read a \"padding\" layer\n"),
        "{padded}"
    );
    let no_bottom = refused("layers { layer { name: 'p' type: 'padding' pad: 1 } top: 'y' }");
    assert!(no_bottom.contains("a \"padding\" layer has one bottom and one top"), "{no_bottom}");
}

#[test]
fn solvers_and_the_nets_inside_them() {
    let mut solver =
        text::parse::<SolverParameter>("solver_type: RMSPROP\nnet_param { layers { name: 'p' type: SOFTMAX } }", "old")
            .unwrap();
    assert_eq!(solver.upgrade().unwrap().len(), 2);
    assert_eq!(solver.message.r#type(), "RMSProp");
    assert_eq!(solver.message.solver_type, None);
    assert_eq!(solver.message.net_param.unwrap().layer[0].r#type(), "Softmax");
    assert_eq!(solver.source.place("type").unwrap().line, 1);
    assert_eq!(solver.source.place("net_param.layer[0].name").unwrap().line, 2);

    let mut both = text::parse::<SolverParameter>("type: 'Adam'\nsolver_type: ADAM", "old").unwrap();
    let message = both.upgrade().unwrap_err().to_string();
    assert!(
        message.starts_with("old:2:1: a solver has either `type` or the old `solver_type`, not both\n"),
        "{message}"
    );
    let mut inner =
        text::parse::<SolverParameter>("test_net_param {}\ntest_net_param {\n input: 'x' }", "old").unwrap();
    let message = inner.upgrade().unwrap_err().to_string();
    assert!(message.starts_with("old:3:2: one `input` needs"), "{message}");
}

/// The upgrade of `layers { }` moves fields by their names.
#[test]
fn fields_of_v1_have_namesakes_of_their_type() {
    for old in V1LayerParameter::SCHEMA.fields {
        let new = LayerParameter::SCHEMA.field(old.name);
        match old.name {
            "layer" | "blob_share_mode" | "blobs_lr" | "weight_decay" => assert!(new.is_none(), "{}", old.name),
            "type" | "param" => {}
            name => {
                let new = new.unwrap_or_else(|| panic!("{name}"));
                assert_eq!(new.label, old.label, "{name}");
                match (old.ty, new.ty) {
                    (Type::Message(old), Type::Message(new)) => assert_eq!(old.name, new.name, "{name}"),
                    (old, new) => assert_eq!(format!("{old:?}"), format!("{new:?}"), "{name}"),
                }
            }
        }
    }
}
