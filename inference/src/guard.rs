//! Panics of a foreign executor, made into errors at the door.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `work` returns, or the message it panicked with.
///
/// A model file is data from outside, and an executor that meets impossible shapes or indices in it
/// may panic rather than answer. Its state cannot leak out broken: a failed load drops everything
/// it made, and a failed run leaves only scratch memory behind. Where a lock was poisoned, later
/// runs panic again and end here again.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_messages() {
        assert_eq!(catch(|| 7), Ok(7));
        assert_eq!(catch(|| -> () { panic!("fixed") }), Err("fixed".to_owned()));
        let n = 3;
        assert_eq!(catch(|| -> () { panic!("of {n}") }), Err("of 3".to_owned()));
        let odd = catch(|| -> () { std::panic::panic_any(5_u8) });
        assert_eq!(odd, Err("panic without a message".to_owned()));
    }
}
