//! Samples of what a person decided about a finding.

use scrip::format::certificate::Role;
use scrip::format::checkpoint::Bounded;
use scrip::format::decision::{Decision, DecisionFile, SignedDecision, Verdict};
use scrip::format::field::Bytes;
use scrip::format::plan::Class;
use scrip::trust::sign;

use super::samples::{Form, Sample};
use super::world::{World, amount, medium, time};

/// A decision, and its file.
pub(crate) fn decided(world: &World) -> Vec<Sample<'_>> {
    let decision = Decision {
        finding: [0xf1; 16],
        class: Class::Fork,
        medium: Some(medium()),
        number: 3,
        hash: [0xc3; 32],
        stake: amount(400),
        verdict: Verdict::Settle,
        text: "seen with its owner".to_owned(),
        at: time(1_803_000_900),
    };
    let signed = SignedDecision {
        decision: Bytes(sign(&world.decider, &decision)),
        chain: world.chain(Role::Decider),
    };
    let file = DecisionFile { signed: Bounded(vec![signed]) };
    let decider = Form::Signed(&world.decider);
    vec![
        Sample::of("decision", "settle", "a debt that stands", decider, &decision),
        Sample::of("decision-file", "one", "the same by one person", Form::Plain, &file),
    ]
}
