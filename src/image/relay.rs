//! Many workers' pieces, passed on one at a time without anyone waiting for a turn.
//!
//! A file takes one write at a time. Whoever has a piece ready while nobody is passing on does so,
//! for itself and for all who come meanwhile; the others go on with their work. Workers only wait
//! when every buffer is full.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// Takes a piece that begins at an offset.
pub(super) type Pass<'a, E> = dyn Fn(u64, &[u8]) -> Result<(), E> + Sync + 'a;

/// Where pieces are handed over.
pub(super) struct Relay<'a, E> {
    pass: &'a Pass<'a, E>,
    piece_bytes: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<Piece>,
    free: Vec<Vec<u8>>,
    /// Buffers that may still be made.
    unmade: usize,
    passing: bool,
    closed: bool,
}

#[derive(Debug)]
struct Piece {
    offset: u64,
    bytes: Vec<u8>,
    /// How many of the bytes count.
    len: usize,
}

impl<'a, E> Relay<'a, E> {
    /// Hand pieces to `pass`, in at most `buffers` buffers of `piece_bytes`.
    pub(super) fn new(pass: &'a Pass<'a, E>, piece_bytes: usize, buffers: usize) -> Self {
        let state = State {
            ready: VecDeque::with_capacity(buffers),
            free: Vec::with_capacity(buffers),
            unmade: buffers,
            passing: false,
            closed: false,
        };
        Self { pass, piece_bytes, state: Mutex::new(state), freed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no worker panics")
    }

    /// A buffer of any content; waits for one to be passed on. `None` once the relay is closed.
    pub(super) fn buffer(&self) -> Option<Vec<u8>> {
        let waits = |state: &mut State| !state.closed && state.free.is_empty() && state.unmade == 0;
        let mut state = self.freed.wait_while(self.state(), waits).expect("no worker panics");
        if state.closed {
            return None;
        }
        if let Some(bytes) = state.free.pop() {
            return Some(bytes);
        }
        state.unmade -= 1;
        drop(state);
        Some(vec![0; self.piece_bytes])
    }

    /// Hand over the first `len` bytes; an error may come from another worker's piece.
    pub(super) fn hand_over(&self, offset: u64, bytes: Vec<u8>, len: usize) -> Result<(), E> {
        let mut state = self.state();
        state.ready.push_back(Piece { offset, bytes, len });
        if state.passing {
            return Ok(());
        }
        state.passing = true;
        while let Some(piece) = state.ready.pop_front().filter(|_| !state.closed) {
            drop(state);
            let outcome = (self.pass)(piece.offset, &piece.bytes[..piece.len]);
            state = self.state();
            state.free.push(piece.bytes);
            self.freed.notify_one();
            if let Err(error) = outcome {
                state.passing = false;
                return Err(error);
            }
        }
        state.passing = false;
        Ok(())
    }

    /// Nothing more is passed on, nobody waits any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_piece_is_passed_on_once_and_never_two_together() {
        let (at_once, seen) = (AtomicUsize::new(0), Mutex::new(vec![]));
        let pass = |offset: u64, bytes: &[u8]| {
            assert_eq!(at_once.fetch_add(1, Ordering::SeqCst), 0);
            seen.lock().unwrap().push((offset, bytes.to_vec()));
            at_once.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, ()>(())
        };
        let relay = Relay::new(&pass, 8, 3);
        std::thread::scope(|scope| {
            for worker in 0..4_u8 {
                let relay = &relay;
                scope.spawn(move || {
                    for turn in 0..100_u8 {
                        let mut bytes = relay.buffer().unwrap();
                        bytes[..2].copy_from_slice(&[worker, turn]);
                        let offset = u64::from(worker) * 100 + u64::from(turn);
                        relay.hand_over(offset, bytes, 2).unwrap();
                    }
                });
            }
        });
        let mut seen = seen.into_inner().unwrap();
        seen.sort();
        let expected: Vec<_> = (0..400_u64)
            .map(|n| (n, vec![u8::try_from(n / 100).unwrap(), u8::try_from(n % 100).unwrap()]))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_fault_is_told_and_a_closed_relay_holds_nobody() {
        let pass = |offset: u64, _: &[u8]| if offset == 7 { Err("full") } else { Ok(()) };
        let relay = Relay::new(&pass, 8, 1);
        let bytes = relay.buffer().unwrap();
        relay.hand_over(0, bytes, 8).unwrap();
        let bytes = relay.buffer().unwrap();
        assert_eq!(relay.hand_over(7, bytes, 8), Err("full"));
        let bytes = relay.buffer().unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| relay.buffer());
            relay.close();
            assert_eq!(waiter.join().unwrap(), None);
        });
        drop(bytes);
    }
}
