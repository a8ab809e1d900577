//! A thread that works ahead, so that the net finds its next batch ready.
//!
//! As many buffers as batches to keep ready go round in a circle: empty ones to the thread, filled ones to the net.
//!
//! ```
//! use cortado::data::prefetch::Prefetch;
//! let squares = Prefetch::start("squares", vec![0; 3], 0, |next, buffer| {
//!     *buffer = *next * *next;
//!     *next += 1;
//!     Ok(())
//! })?;
//! for i in 0..10 {
//!     let square = squares.take()?;
//!     assert_eq!(square, i * i);
//!     squares.give_back(square);
//! }
//! # Ok::<(), cortado::Error>(())
//! ```

use crate::error::caught;
use crate::{Error, Kind, Result};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

/// The net's end of the circle. Dropping it stops the thread.
pub struct Prefetch<T, S> {
    full: Option<Receiver<Result<T>>>,
    empty: Option<Sender<T>>,
    thread: Option<JoinHandle<S>>,
}

impl<T: Send + 'static, S: Send + 'static> Prefetch<T, S> {
    /// Starts a thread that fills the buffers, again and again, until it reports an error or is dropped. What it works
    /// with is lent to it: [`stop`](Self::stop) returns it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        name: &str,
        buffers: Vec<T>,
        mut state: S,
        fill: impl Fn(&mut S, &mut T) -> Result + Send + 'static,
    ) -> Result<Prefetch<T, S>> {
        let (empty, to_fill) = channel::<T>();
        let (filled, full) = channel();
        for buffer in buffers {
            let _ = empty.send(buffer); // the other end is in this very function
        }
        let work = move || {
            // Both loops end when the net's end is gone.
            for mut buffer in to_fill {
                let result = caught("reading data", || fill(&mut state, &mut buffer));
                let failed = result.is_err();
                if filled.send(result.map(|()| buffer)).is_err() || failed {
                    break;
                }
            }
            state
        };
        let thread = Builder::new().name(format!("prefetch {}", name.replace('\0', " "))).spawn(work);
        let thread = thread.map_err(|e| Error::new(Kind::Data, format!("cannot start a thread to read ahead: {e}")))?;
        Ok(Prefetch { full: Some(full), empty: Some(empty), thread: Some(thread) })
    }

    /// The next filled buffer, in order; waits for it.
    ///
    /// # Errors
    /// What filling reported; after that nothing more comes.
    pub fn take(&self) -> Result<T> {
        let ended = || Error::new(Kind::Data, "the thread that reads ahead has ended");
        self.full.as_ref().and_then(|full| full.recv().ok()).unwrap_or_else(|| Err(ended()))
    }

    /// Returns a buffer to be filled again.
    pub fn give_back(&self, buffer: T) {
        if let Some(empty) = &self.empty {
            let _ = empty.send(buffer); // a thread that has ended needs none
        }
    }

    /// Stops the thread and takes back what it works with.
    pub fn stop(mut self) -> Option<S> {
        self.end()
    }
}

impl<T, S> Prefetch<T, S> {
    fn end(&mut self) -> Option<S> {
        self.full = None;
        self.empty = None;
        self.thread.take()?.join().ok() // its panics were caught and reported
    }
}

impl<T, S> Drop for Prefetch<T, S> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn errors_come_in_their_turn_and_end_it() {
        let ahead = Prefetch::start("d", vec![0; 4], 0, |n, buffer| {
            *n += 1;
            *buffer = *n;
            if *n == 3 { Err(Error::value("no third")) } else { Ok(()) }
        });
        let ahead = ahead.unwrap();
        assert_eq!((ahead.take().unwrap(), ahead.take().unwrap()), (1, 2));
        assert_eq!(ahead.take().unwrap_err().message(), "no third");
        assert!(ahead.take().unwrap_err().message().contains("ended"));
        ahead.give_back(1);
        assert_eq!(ahead.stop(), Some(3));
    }

    #[test]
    fn a_panic_is_an_error() {
        let ahead = Prefetch::start("d", vec![(); 2], (), |_, _| panic!("lost count of {}", 7)).unwrap();
        assert!(ahead.take().unwrap_err().message().contains("lost count of 7"));
        assert!(ahead.take().is_err());
    }

    /// The thread waits for an empty buffer, or is in the midst of its work: dropping ends it, and waits until it has.
    #[test]
    fn dropping_ends_the_thread() {
        let alive = Arc::new(());
        let filled = Arc::new(AtomicUsize::new(0));
        let (count, guard) = (filled.clone(), alive.clone());
        let ahead = Prefetch::start("d\0", vec![0; 3], guard, move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let ahead = ahead.unwrap();
        ahead.take().unwrap();
        drop(ahead);
        assert_eq!(Arc::strong_count(&alive), 1);
        assert!(filled.load(Ordering::SeqCst) <= 3, "no buffer is filled twice before it is given back");
    }
}
