//! How the room's mutexes are locked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it; what another thread's panic left behind is taken as it is.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
