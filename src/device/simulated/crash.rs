//! Procedures that lose their power wherever they can, and what is found afterwards.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use super::losses::{Bounds, Loss};
use super::volatile::Volatile;

/// Something that changes a medium and must survive losses of power.
pub trait Procedure {
    /// What the world was told, and what was under way: what a state found later has to hold.
    type Promise: Clone + Hash;

    /// The power comes on for the `turn`-th time, from 0, after `before` was promised: recover,
    /// then go on.
    ///
    /// Whatever is released, and whatever is begun, is promised to the witness before or after the
    /// very write or flush where it happens.
    fn run(
        &self,
        device: &Volatile,
        turn: usize,
        before: &Self::Promise,
        witness: &mut Witness<'_, Self::Promise>,
    ) -> Result<(), Violation>;

    /// Hold what a loss left against what was promised before it.
    fn judge(
        &self,
        device: &Volatile,
        promise: &Self::Promise,
        model: Model,
    ) -> Result<(), Violation>;
}

/// Whether media are thought to do what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// At most one thing went wrong in each stretch between two losses.
    Within,
    /// More than that, at least once.
    Beyond,
}

/// Takes down what a procedure promises, and when.
#[derive(Debug)]
pub struct Witness<'d, P> {
    device: &'d Volatile,
    made: Vec<(usize, P)>,
}

/// What a state found should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which assertion it breaks.
    pub name: &'static str,
    /// What was found.
    pub detail: String,
}

/// What was found, over all losses tried.
#[derive(Debug, Default)]
pub struct Explored {
    /// Fingerprints of the states within the model.
    pub within: HashSet<u64, BuildHasherDefault<Passed>>,
    /// Fingerprints of the states beyond it.
    pub beyond: HashSet<u64, BuildHasherDefault<Passed>>,
    /// Losses tried, those that left a known state among them.
    pub losses: u64,
    /// The most sectors that were unflushed at a loss: where all subsets of so many are listed, none
    /// was left out.
    pub unflushed_max: usize,
    /// The first violations, each with the losses that led to it.
    pub violations: Vec<(Violation, Vec<String>)>,
    /// States judged: fingerprint and promise.
    judged: HashSet<u64, BuildHasherDefault<Passed>>,
}

/// More violations than this aren't told apart any more.
const VIOLATIONS_MAX: usize = 20;

impl<P> Witness<'_, P> {
    /// From now on this is promised.
    pub fn promise(&mut self, promise: P) {
        self.made.push((self.device.position(), promise));
    }

    /// What was promised when the power went.
    fn at(&self, loss: &Loss) -> Option<&P> {
        let until = self.made.iter().rposition(|(position, _)| *position <= loss.at());
        until.map(|index| &self.made[index].1)
    }
}

impl Violation {
    /// A violation of the assertion of this name.
    pub fn new(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)
    }
}

impl Explored {
    /// Whether an assertion was broken.
    pub fn found(&self, name: &str) -> bool {
        self.violations.iter().any(|(violation, _)| violation.name == name)
    }

    /// Run a procedure from a state and lose its power everywhere, once for each of `turns`.
    ///
    /// The promise is what holds at the start.
    pub fn explore<P: Procedure>(
        &mut self,
        procedure: &P,
        start: &Volatile,
        promise: &P::Promise,
        turns: &[Bounds],
    ) {
        self.turn(
            procedure,
            start,
            promise,
            turns,
            &mut Path { model: Model::Within, losses: vec![] },
        );
    }

    fn turn<P: Procedure>(
        &mut self,
        procedure: &P,
        device: &Volatile,
        before: &P::Promise,
        turns: &[Bounds],
        path: &mut Path,
    ) {
        let mut witness = Witness { device, made: vec![(0, before.clone())] };
        if let Err(violation) = procedure.run(device, path.losses.len(), before, &mut witness) {
            return self.violated(violation, path);
        }
        let Some((bounds, later)) = turns.split_first() else { return };
        let model = path.model;
        for loss in device.losses(bounds) {
            self.losses += 1;
            self.unflushed_max = self.unflushed_max.max(loss.unflushed());
            let promise = witness.at(&loss).expect("one was made at the start");
            let found = loss.reopen();
            path.model = if loss.is_beyond() { Model::Beyond } else { model };
            if !self.is_new(&found, promise, path) {
                continue;
            }
            path.losses.push(loss);
            match procedure.judge(&found, promise, path.model) {
                Err(violation) => self.violated(violation, path),
                Ok(()) if later.is_empty() => {}
                Ok(()) => self.turn(procedure, &found, promise, later, path),
            }
            path.losses.pop();
        }
        path.model = model;
    }

    /// Count a state; whether it wasn't seen under the same promise at the same turn.
    fn is_new<P: Hash>(&mut self, found: &Volatile, promise: &P, path: &Path) -> bool {
        let fingerprint = found.fingerprint();
        match path.model {
            Model::Within => self.within.insert(fingerprint),
            Model::Beyond => self.beyond.insert(fingerprint),
        };
        let state = (fingerprint, promise, path.model as u8, path.losses.len());
        self.judged.insert(BuildHasherDefault::<DefaultHasher>::default().hash_one(state))
    }

    fn violated(&mut self, violation: Violation, path: &Path) {
        if self.violations.len() < VIOLATIONS_MAX {
            let losses = path.losses.iter().map(ToString::to_string).collect();
            self.violations.push((violation, losses));
        }
    }
}

struct Path {
    model: Model,
    losses: Vec<Loss>,
}

/// Takes a number that is a hash already as its hash.
#[derive(Debug, Default, Clone, Copy)]
pub struct Passed(u64);

impl std::hash::Hasher for Passed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Explored, Model, Procedure, Violation, Witness};
    use crate::device::Device;
    use crate::device::simulated::{Bounds, FaultKind, Volatile};

    /// Counts in sector 0, or alternately in sectors 0 and 1.
    enum Counter {
        InPlace,
        Alternating,
    }

    const TORN: &str = "the count is torn or lost";

    fn count(device: &Volatile) -> u8 {
        let bytes = device.snapshot();
        let whole = |sector: &&[u8]| sector.iter().all(|byte| *byte == sector[0]);
        bytes.chunks(512).filter(whole).map(|sector| sector[0]).max().unwrap_or(0)
    }

    impl Procedure for Counter {
        type Promise = u8;

        fn run(
            &self,
            device: &Volatile,
            _: usize,
            _: &u8,
            witness: &mut Witness<'_, u8>,
        ) -> Result<(), Violation> {
            witness.promise(count(device));
            let next = count(device) + 1;
            let sector = match self {
                Self::InPlace => 0,
                Self::Alternating => u64::from(next % 2),
            };
            let written = device.write_at(sector * 512, &[next; 512]).and_then(|()| device.flush());
            written.expect("memory takes all writes");
            witness.promise(next);
            Ok(())
        }

        fn judge(&self, device: &Volatile, promise: &u8, _: Model) -> Result<(), Violation> {
            let found = count(device);
            if (*promise..=promise + 1).contains(&found) {
                return Ok(());
            }
            Err(Violation::new(TORN, format!("{found} after {promise}")))
        }
    }

    fn explored(counter: &Counter, bounds: &Bounds) -> Explored {
        let mut explored = Explored::default();
        let start = Volatile::filled(2 * 512, 0);
        explored.explore(counter, &start, &0, &[bounds.clone(), bounds.clone()]);
        explored
    }

    #[test]
    fn what_survives_is_told_from_what_does_not() {
        let bounds = Bounds::default().without_faults();
        let good = explored(&Counter::Alternating, &bounds);
        assert!(good.violations.is_empty(), "{:?}", good.violations);
        assert_eq!((good.within.len(), good.beyond.len()), (9, 0));
        let bad = explored(&Counter::InPlace, &bounds);
        assert!(bad.found(TORN), "{:?}", bad.violations);
        let (violation, losses) = &bad.violations[0];
        assert!(violation.to_string().starts_with(TORN));
        assert!(losses.last().unwrap().contains("torn after"), "{losses:?}");
    }

    #[test]
    fn states_beyond_the_model_are_counted_apart() {
        let faults = vec![FaultKind::LyingFlushAndEraseBlock { len_bytes: 1024, fill: 0xFF }];
        let bounds = Bounds { faults, ..Bounds::default() };
        let found = explored(&Counter::Alternating, &bounds);
        assert!(!found.beyond.is_empty());
        assert!(found.violations.iter().all(|(_, losses)| losses.join(" ").contains("became")));
    }
}
