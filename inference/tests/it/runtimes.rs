//! What every runtime promises, whatever it is.

use regard_inference::{
    Catalog, Dim, LibraryError, LibrarySearch, LoadError, LoadOptions, MAX_MODEL_BYTES, Native,
    Network, Rten, RunError, Runtime, RuntimeChoice, TensorView, select,
};

use crate::reference::onnx_runtime;

fn each(check: impl Fn(&dyn Runtime)) {
    for runtime in Native::all() {
        check(&runtime);
    }
    check(&Rten);
    if let Some(runtime) = onnx_runtime() {
        check(&runtime);
    }
}

fn load(runtime: &dyn Runtime, id: &str) -> Box<dyn Network> {
    let bytes = Catalog::open(None).unwrap().bytes_of(id).unwrap();
    runtime.load(&bytes, &LoadOptions::default()).unwrap()
}

#[test]
fn ports_say_what_is_open() {
    each(|runtime| {
        let network = load(runtime, "yunet-2023mar");
        let shape = network.inputs()[0].shape.as_deref();
        let expected = [Dim::Fixed(1), Dim::Fixed(3), Dim::Open, Dim::Open];
        assert_eq!(shape, Some(&expected[..]), "{}", runtime.name());
        assert_eq!(network.outputs().len(), 12);
        assert_eq!(network.outputs()[0].name, "cls_8");
    });
}

/// Whatever a manifest says of it: what the file itself calls its outputs counts too.
#[test]
fn a_network_with_a_sensitive_output_is_not_loaded() {
    let bytes = Catalog::open(None)
        .unwrap()
        .bytes_of("fer-mini-xception")
        .unwrap();
    let (from, to) = (b"predictions".as_slice(), b"race_labels".as_slice());
    let mut renamed = bytes.to_vec();
    let places: Vec<usize> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        renamed[at..at + to.len()].copy_from_slice(to);
    }
    each(|runtime| {
        let refused = runtime
            .load(&renamed, &LoadOptions::default())
            .err()
            .unwrap();
        assert!(
            matches!(&refused, LoadError::Sensitive { name, .. } if name.starts_with("race_labels")),
            "{}: {refused:?}",
            runtime.name()
        );
        assert!(refused.to_string().starts_with("sensitive_inference"));
    });
}

#[test]
fn wrong_inputs_are_errors() {
    each(|runtime| {
        let mut network = load(runtime, "fer-mini-xception");
        let data = vec![0.0; 64 * 64 * 2];
        let good = TensorView::new(&[2, 64, 64, 1], &data).unwrap();
        let turned = TensorView::new(&[2, 1, 64, 64], &data).unwrap();
        let name = network.inputs()[0].name.clone();
        let mut error = |given: &[(&str, TensorView<'_>)]| network.run(given).unwrap_err();
        assert!(matches!(error(&[]), RunError::MissingInput { .. }));
        assert!(matches!(
            error(&[("x", good)]),
            RunError::UnknownInput { .. }
        ));
        assert!(matches!(
            error(&[(&name, turned)]),
            RunError::WrongShape { .. }
        ));
        assert!(matches!(
            error(&[(&name, good), (&name, good)]),
            RunError::DuplicateInput { .. }
        ));
        assert_eq!(network.run(&[(&name, good)]).unwrap()[0].shape(), [2, 7]);
    });
}

#[test]
fn sizes_that_the_network_cannot_take_are_errors() {
    each(|runtime| {
        let mut network = load(runtime, "yunet-2023mar");
        let name = network.inputs()[0].name.clone();
        // Not a multiple of 32: the two branches of the pyramid do not meet.
        let data = vec![0.0; 3 * 40 * 50];
        let view = TensorView::new(&[1, 3, 40, 50], &data).unwrap();
        assert!(matches!(
            network.run(&[(&name, view)]).unwrap_err(),
            RunError::Failed { .. } | RunError::Panicked { .. }
        ));
        // And the network still works.
        let data = vec![0.0; 3 * 32 * 64];
        let view = TensorView::new(&[1, 3, 32, 64], &data).unwrap();
        assert_eq!(
            network.run(&[(&name, view)]).unwrap()[0].shape(),
            [1, 32, 1]
        );
    });
}

#[test]
fn networks_move_between_threads() {
    each(|runtime| {
        let mut network = load(runtime, "fer-mini-xception");
        let name = network.inputs()[0].name.clone();
        let data: Vec<f32> = (0..64 * 64).map(|n| (n % 17) as f32 / 17.0).collect();
        let shape = [1, 64, 64, 1];
        let view = TensorView::new(&shape, &data).unwrap();
        let here = network.run(&[(&name, view)]).unwrap();
        let there = std::thread::scope(|scope| {
            scope
                .spawn(|| network.run(&[(&name, view)]).unwrap())
                .join()
                .unwrap()
        });
        assert!(here == there);
    });
}

#[test]
fn oversized_files_are_refused_unread() {
    // Never touched, so never given memory by the system.
    let huge = vec![0; MAX_MODEL_BYTES + 1];
    each(|runtime| {
        let error = runtime.load(&huge, &LoadOptions::default()).unwrap_err();
        assert!(matches!(error, LoadError::TooLarge { .. }), "{error:?}");
    });
}

/// A field of a message: its number and its content.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128, "lengths of one byte");
    let mut bytes = vec![number << 3 | 2, content.len() as u8];
    bytes.extend(content);
    bytes
}

/// A model of one operator on a `[1, 4]` tensor.
fn one_operator(op: &str) -> Vec<u8> {
    let node = [
        field(1, b"x"),
        field(2, b"y"),
        field(3, b"the node"),
        field(4, op.as_bytes()),
    ];
    let shape: Vec<u8> = [1, 4]
        .iter()
        .flat_map(|&size| field(1, &[0x08, size]))
        .collect();
    let tensor = [vec![0x08, 1], field(2, &shape)].concat();
    let port = |name: &[u8]| [field(1, name), field(2, &field(1, &tensor))].concat();
    let graph = [
        field(1, &node.concat()),
        field(2, b"g"),
        field(11, &port(b"x")),
        field(12, &port(b"y")),
    ];
    let opset = field(8, &[0x0a, 0, 0x10, 13]);
    [vec![0x08, 8], field(7, &graph.concat()), opset].concat()
}

#[test]
fn what_the_native_runtime_cannot_read_goes_to_a_general_one() {
    let options = LoadOptions::default();
    let foreign = one_operator("Tanh");
    let Err(LoadError::Unreadable { runtime, source }) = Native::new().load(&foreign, &options)
    else {
        panic!("it has no such operator");
    };
    assert_eq!(runtime, "native");
    let reason = source.to_string();
    assert!(
        reason.contains("the node") && reason.contains("Tanh"),
        "{reason}"
    );

    let nowhere = LibrarySearch::default();
    for choice in [RuntimeChoice::Auto, RuntimeChoice::Native] {
        let runtime = select(choice, &nowhere).unwrap().runtime;
        assert_eq!(runtime.name(), "native");
        for (op, expected) in [("Tanh", 1_f32.tanh()), ("Sigmoid", 0.731_058_6)] {
            let mut network = runtime.load(&one_operator(op), &options).unwrap();
            let view = TensorView::new(&[1, 4], &[1.0; 4]).unwrap();
            let found = network.run(&[("x", view)]).unwrap();
            assert_eq!(found[0].shape(), [1, 4]);
            assert!((found[0].data()[3] - expected).abs() < 1e-6, "{op}");
        }
    }
}

#[test]
fn the_native_runtime_says_which_vectors_it_computes_with() {
    let all: Vec<String> = Native::all().iter().map(Runtime::description).collect();
    assert_eq!(all.first(), Some(&Native::new().description()));
    assert_eq!(all.last().map(String::as_str), Some("native (portable)"));
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        assert_eq!(
            all,
            ["native (avx512)", "native (avx2)", "native (portable)"]
        );
    }
}

#[test]
fn a_library_that_is_insisted_on_must_be_there() {
    if onnx_runtime().is_some() {
        // This process has loaded it, and then it is found whatever the search.
        return;
    }
    let insisted = RuntimeChoice::OnnxRuntime(regard_inference::Device::Cpu);
    let Err(error) = select(insisted, &LibrarySearch::default()) else {
        panic!("there is none");
    };
    let cause = std::error::Error::source(&error).unwrap();
    assert!(matches!(
        cause.downcast_ref::<LibraryError>(),
        Some(LibraryError::NotFound)
    ));
}

#[test]
fn what_is_asked_for_is_used() {
    let search = LibrarySearch::system();
    let rten = select(RuntimeChoice::Rten, &search).unwrap();
    assert_eq!(rten.runtime.name(), "rten");
    if onnx_runtime().is_some() {
        let choice = RuntimeChoice::OnnxRuntime(regard_inference::Device::Cpu);
        let library = select(choice, &search).unwrap();
        assert_eq!(library.runtime.name(), "onnxruntime");
        let description = library.runtime.description();
        assert!(description.starts_with("ONNX Runtime 1."), "{description}");
        assert!(!description.contains('/'), "{description}");
    }
}
