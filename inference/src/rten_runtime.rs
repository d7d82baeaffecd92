//! The general built-in runtime: rten.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Once};

use rten::{
    DataType, Dimension, Model, ModelOptions, NodeId, NodeInfo, RunOptions, ThreadPool, Value,
    ValueOrView, ValueType,
};
use rten_tensor::{Layout, Tensor as RtenTensor, TensorView as RtenView};

use crate::guard;
use crate::processor::flush_to_zero;
use crate::runtime::{
    Dim, LoadError, LoadOptions, Network, Port, RunError, Runtime, check_file, check_ports,
    match_inputs,
};
use crate::tensor::{Tensor, TensorView};

const NAME: &str = "rten";

/// The general built-in runtime. Needs no file and no library.
///
/// Each thread that runs networks gets its own pool of `threads` workers on its first run, shared
/// by all networks it runs with that number and ended with the thread. So two threads never wait
/// for each other, and six networks do not mean six pools.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rten;

impl Runtime for Rten {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        // The version of the workspace manifest; a test compares it with the lock file.
        "rten 0.27 (built in)".to_owned()
    }

    fn load(&self, bytes: &[u8], options: &LoadOptions) -> Result<Box<dyn Network>, LoadError> {
        check_file(bytes)?;
        flush_in_shared_pool();
        let threads = options.n_threads();
        let network = guard::catch(|| RtenNetwork::load(bytes, threads)).map_err(|message| {
            LoadError::Panicked {
                runtime: NAME,
                message,
            }
        })??;
        Ok(Box::new(network))
    }
}

/// rten folds constants and packs weights on a pool of the process, before any run.
fn flush_in_shared_pool() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        flush_in(rten::thread_pool());
    });
}

/// Sets flush-to-zero in every thread of `pool`; whether it has threads.
///
/// rten gives no access to the pool inside, but what runs in it sees it as the current pool.
fn flush_in(pool: &ThreadPool) -> bool {
    pool.run(|| {
        let has_threads = rayon::current_thread_index().is_some();
        if has_threads {
            rayon::broadcast(|_| flush_to_zero());
        }
        has_threads
    })
}

thread_local! {
    static POOLS: RefCell<BTreeMap<usize, Arc<ThreadPool>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The pool of the calling thread with that many workers.
fn pool(threads: usize) -> Result<Arc<ThreadPool>, RunError> {
    POOLS.with_borrow_mut(|pools| {
        if let Some(pool) = pools.get(&threads) {
            return Ok(Arc::clone(pool));
        }
        let pool = ThreadPool::with_num_threads(threads);
        if !flush_in(&pool) {
            return Err(RunError::NoThreads { threads });
        }
        let pool = Arc::new(pool);
        pools.insert(threads, Arc::clone(&pool));
        Ok(pool)
    })
}

struct RtenNetwork {
    model: Model,
    threads: usize,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// Which inputs are bytes in the file: their floats are rounded into 0 to 255.
    byte_inputs: Vec<bool>,
    input_ids: Vec<NodeId>,
    output_ids: Vec<NodeId>,
}

impl RtenNetwork {
    fn load(bytes: &[u8], threads: usize) -> Result<Self, LoadError> {
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(bytes.to_vec())
            .map_err(|error| LoadError::Unreadable {
                runtime: NAME,
                source: Box::new(error),
            })?;
        let (input_ids, output_ids) = (model.input_ids().to_vec(), model.output_ids().to_vec());
        let takes_bytes = |id: &NodeId| {
            let kind = model.node_info(*id).and_then(|info| info.dtype());
            matches!(kind, Some(ValueType::Tensor(DataType::UInt8)))
        };
        let byte_inputs: Vec<bool> = input_ids.iter().map(takes_bytes).collect();
        let ports = |ids: &[NodeId], may_be_bytes: bool| -> Result<Vec<Port>, LoadError> {
            ids.iter()
                .map(|&id| port(model.node_info(id), may_be_bytes))
                .collect()
        };
        let (inputs, outputs) = (ports(&input_ids, true)?, ports(&output_ids, false)?);
        check_ports(&inputs, &outputs)?;
        Ok(Self {
            model,
            threads,
            inputs,
            outputs,
            byte_inputs,
            input_ids,
            output_ids,
        })
    }

    fn compute(&self, inputs: Vec<(NodeId, ValueOrView<'_>)>) -> Result<Vec<Value>, RunError> {
        let options = RunOptions::default().with_thread_pool(Some(pool(self.threads)?));
        guard::catch(|| self.model.run(inputs, &self.output_ids, Some(options)))
            .map_err(|message| RunError::Panicked {
                runtime: NAME,
                message,
            })?
            .map_err(|error| RunError::Failed {
                runtime: NAME,
                source: Box::new(error),
            })
    }
}

impl Network for RtenNetwork {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run_into(
        &mut self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Vec<Tensor>,
    ) -> Result<(), RunError> {
        let indices = match_inputs(&self.inputs, inputs)?;
        let values = indices
            .iter()
            .zip(inputs)
            .map(|(&index, (_, view))| {
                let value = if self.byte_inputs[index] {
                    let bytes = view
                        .data()
                        .iter()
                        .map(|v| v.round().clamp(0.0, 255.0) as u8);
                    let bytes: Vec<u8> = bytes.collect();
                    ValueOrView::from(RtenTensor::<u8>::from_data(view.shape(), bytes))
                } else {
                    ValueOrView::from(RtenView::from_data(view.shape(), view.data()))
                };
                (self.input_ids[index], value)
            })
            .collect();
        let values = self.compute(values)?;
        *outputs = values
            .into_iter()
            .zip(&self.outputs)
            .map(|(value, port)| {
                let tensor = value.into_tensor::<f32>().ok_or_else(|| RunError::NotF32 {
                    name: port.name.clone(),
                })?;
                let shape = tensor.shape().to_vec();
                Tensor::new(shape, tensor.into_data()).map_err(|source| RunError::BadOutput {
                    name: port.name.clone(),
                    source,
                })
            })
            .collect::<Result<_, RunError>>()?;
        Ok(())
    }
}

fn port(info: Option<NodeInfo<'_>>, may_be_bytes: bool) -> Result<Port, LoadError> {
    let name = info
        .as_ref()
        .and_then(NodeInfo::name)
        .unwrap_or_default()
        .to_owned();
    // An output's type is often left out; a run that finds another one says so.
    match info.as_ref().and_then(NodeInfo::dtype) {
        Some(ValueType::Tensor(DataType::Float)) | None => {}
        Some(ValueType::Tensor(DataType::UInt8)) if may_be_bytes => {}
        Some(other) => {
            return Err(LoadError::NotF32 {
                name,
                found: other.to_string(),
            });
        }
    }
    let shape = info.and_then(|info| info.shape()).map(|dims| {
        dims.into_iter()
            .map(|dim| match dim {
                Dimension::Fixed(size) => Dim::Fixed(size),
                Dimension::Symbolic(_) => Dim::Open,
            })
            .collect()
    });
    Ok(Port { name, shape })
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn denormal_product() -> f32 {
        black_box(1e-30_f32) * black_box(1e-10_f32)
    }

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn every_worker_flushes_to_zero() {
        for threads in [1, 3] {
            let products = pool(threads)
                .unwrap()
                .run(|| rayon::broadcast(|_| denormal_product()));
            assert_eq!(products, vec![0.0; threads]);
        }
        flush_in_shared_pool();
        let products = rten::thread_pool().run(|| rayon::broadcast(|_| denormal_product()));
        assert!(products.iter().all(|&product| product == 0.0));
        assert!(
            denormal_product() > 0.0,
            "the caller's thread is left as it was"
        );
    }

    #[test]
    fn a_thread_has_one_pool_of_a_size() {
        let (one, again) = (pool(2).unwrap(), pool(2).unwrap());
        assert!(Arc::ptr_eq(&one, &again));
        let other = std::thread::spawn(|| pool(2).unwrap()).join().unwrap();
        assert!(!Arc::ptr_eq(&one, &other));
    }

    #[test]
    fn the_description_names_the_version_that_is_built_in() {
        let lock = include_str!("../../Cargo.lock");
        let (_, after) = lock.split_once("name = \"rten\"\nversion = \"").unwrap();
        let (version, _) = after.split_once('"').unwrap();
        let minor = version.rsplit_once('.').unwrap().0;
        assert_eq!(Rten.description(), format!("rten {minor} (built in)"));
    }
}
