//! What every runtime promises, whatever it is.

use regard_inference::{
    Catalog, Dim, LibraryError, LibrarySearch, LoadError, LoadOptions, MAX_MODEL_BYTES, Network,
    Rten, RunError, Runtime, RuntimeChoice, TensorView, select,
};

use crate::reference::onnx_runtime;

fn each(check: impl Fn(&dyn Runtime)) {
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

#[test]
fn without_the_library_the_built_in_runtime_serves() {
    if onnx_runtime().is_some() {
        // This process has loaded it, and then it is found whatever the search.
        return;
    }
    let nowhere = LibrarySearch::default();
    let auto = select(RuntimeChoice::Auto, &nowhere).unwrap();
    assert_eq!(auto.runtime.name(), "rten");
    assert!(matches!(
        auto.without_onnx_runtime,
        Some(LibraryError::NotFound)
    ));
    let insisted = RuntimeChoice::OnnxRuntime(regard_inference::Device::Cpu);
    assert!(select(insisted, &nowhere).is_err());
}

#[test]
fn what_is_found_is_used() {
    let built_in = select(RuntimeChoice::Rten, &LibrarySearch::system()).unwrap();
    assert_eq!(built_in.runtime.name(), "rten");
    assert!(built_in.without_onnx_runtime.is_none());
    if onnx_runtime().is_some() {
        let auto = select(RuntimeChoice::Auto, &LibrarySearch::system()).unwrap();
        assert_eq!(auto.runtime.name(), "onnxruntime");
        let description = auto.runtime.description();
        assert!(description.starts_with("ONNX Runtime 1."), "{description}");
        assert!(!description.contains('/'), "{description}");
    }
}
