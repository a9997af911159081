//! `reconcile`: evidence against the records, up to a plan that another hand posts.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use scrip::device::{
    Access, FileDevice, FolderError, MountedTree, Privacy, create_file, read_file,
};
use scrip::format::plan::{AccountKind, Class, Finding, PlanEntry};
use scrip::reconcile::{Heap, Plan, Skipped, Taken, Terms, What, reconcile, shown_id};
use scrip::records::{Place, Records};
use scrip::tool::{
    Attendant, Classed, Exit, Failure, Interrupt, Output, Progress, pinned_roots, printable,
    threads as cores,
};
use scrip::trust::{TestRoots, Trust};
use scrip::units::{CurrencyForm, MediumId, Sequence, StoreId, Timestamp};
use serde_json::{Value, json};

use crate::cli::ReconcileArgs;
use crate::heap::{Unit, units};
use crate::proof;

/// The issuer's root in its folder.
const TRUST_FILE: &str = "trust.cbr";

/// What became of all files.
#[derive(Default)]
struct Control {
    read: BTreeMap<&'static str, u64>,
    records: u64,
    skipped: Vec<(String, Skipped)>,
}

pub(crate) fn run(
    args: &ReconcileArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let place: Place = args.records.parse().or_fail()?;
    if let Some(path) = &args.plan {
        refuse_taken(path)?;
    }
    let mut records = Records::open_reading(&place).or_fail()?;
    let threads = args.threads.unwrap_or_else(cores);
    let mut heap = Heap::new(trust(args, &place)?);
    let control = gather(args, &mut heap, threads, output, interrupt)?;
    let stores = records.stores().or_fail()?;
    let none = || Failure::new(Exit::Refusal, "the records hold no store: nothing was sold yet");
    let currency = stores.first().ok_or_else(none)?.enrolment.quota.currency;
    let base = records.base().or_fail()?;
    let terms = Terms { currency, base, as_of: args.as_of, threads };
    interrupt.check()?;
    let plan = reconcile(&heap, &mut records, &terms).or_fail()?;
    let form = CurrencyForm::usual(currency);
    if let Some(path) = &args.plan {
        create_file(path, &plan.encode(), Privacy::Shared).or_fail()?;
    }
    let proofs = args.proofs.as_ref().map(|folder| proof::write(folder, &heap, &plan, output));
    let proofs = proofs.transpose()?;
    let exit = exit(&control, &plan);
    show(&control, &plan, form, args, output);
    if let (Some(count), Some(folder)) = (proofs, &args.proofs) {
        output.line(format!("{count} proofs of forks in {}", folder.display()));
    }
    let mut fields = fields(&control, &plan, args);
    fields["proofs"] = json!(proofs);
    output.result(exit, &fields);
    Ok(exit)
}

/// The roots that count: those that are named, else this user's; the records' own beside them.
fn trust(args: &ReconcileArgs, place: &Place) -> Result<Trust, Failure> {
    let mut files = args.trust.clone();
    if let (true, Place::File(path)) = (files.is_empty(), place) {
        let own = path.with_file_name(TRUST_FILE);
        files.extend(own.is_file().then_some(own));
    }
    let test_roots = if args.allow_test_root { TestRoots::Allowed } else { TestRoots::Refused };
    Ok(Trust::new(pinned_roots(&files)?, test_roots))
}

fn refuse_taken(path: &Path) -> Result<(), Failure> {
    if let Err(FolderError::Missing { .. }) = read_file(path, 0) {
        return Ok(());
    }
    let error = FolderError::Exists { path: path.to_path_buf() };
    Err(Failure::of(Exit::Refusal, &error).hint("choose a name that isn't taken"))
}

fn gather(
    args: &ReconcileArgs,
    heap: &mut Heap,
    threads: NonZeroUsize,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Control, Failure> {
    let mut control = Control::default();
    for (path, unit) in units(&args.evidence) {
        interrupt.check()?;
        let name = path.display().to_string();
        let taken = match unit {
            Unit::File => file(&path, heap, threads, output, interrupt),
            Unit::ReadOnlyArea => heap.take_read_only_area(&MountedTree::at(&path)),
            Unit::WritableArea => heap.take_writable_area(&MountedTree::at(&path)),
            Unit::Unread(why) => Err(Skipped::Unopened(why)),
        };
        control.note(name, taken);
    }
    Ok(control)
}

fn file(
    path: &Path,
    heap: &mut Heap,
    threads: NonZeroUsize,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Taken, Skipped> {
    let device = FileDevice::open(path, Access::Read);
    let device = device.map_err(|error| Skipped::Unopened(error.to_string()))?;
    let progress = Progress::start(output, &path.display().to_string());
    let taken = heap.take(&device, threads, &Attendant::new(&progress, interrupt, "reading"));
    progress.end(if taken.is_ok() { "read" } else { "skipped" });
    taken
}

impl Control {
    fn note(&mut self, name: String, taken: Result<Taken, Skipped>) {
        match taken {
            Err(skipped) => self.skipped.push((name, skipped)),
            Ok(taken) => {
                *self.read.entry(taken.what.word()).or_default() += 1;
                self.records += taken.records as u64;
                let bundle = taken.what == What::Bundle;
                for (inside, taken) in taken.inside {
                    self.note(within(&name, bundle, &inside), taken);
                }
            }
        }
    }

    fn files(&self) -> u64 {
        self.read.values().sum()
    }
}

/// How what lies in a file is called.
fn within(name: &str, bundle: bool, inside: &str) -> String {
    match (bundle, inside) {
        (true, "") => name.to_owned(),
        (true, _) => format!("{name}/{inside}"),
        (false, _) => format!("{name}: {inside}"),
    }
}

fn findings(plan: &Plan) -> impl Iterator<Item = &Finding> {
    plan.entries.iter().flat_map(|entry| &entry.findings)
}

fn exit(control: &Control, plan: &Plan) -> Exit {
    let skipped = control
        .skipped
        .iter()
        .map(|(_, skipped)| if skipped.is_damage() { Exit::Damage } else { Exit::Failure });
    let found = findings(plan).map(|finding| match finding.class {
        Class::Matched => Exit::Done,
        Class::Damaged | Class::BadSignature => Exit::Damage,
        _ => Exit::Differences,
    });
    Exit::worst(skipped.chain(found))
}

/// Sums by the kinds of account that are debited and credited: what is owed goes from one to the other.
fn flows(plan: &Plan) -> BTreeMap<(AccountKind, AccountKind), u64> {
    let mut flows: BTreeMap<_, u64> = BTreeMap::new();
    let postings = plan.entries.iter().filter_map(|entry| entry.posting.as_ref());
    for one in postings.flat_map(|posting| &posting.moves) {
        let sum = flows.entry((one.debit.kind, one.credit.kind)).or_default();
        *sum = sum.saturating_add(one.amount.minor());
    }
    flows
}

fn media(plan: &Plan) -> usize {
    plan.entries.iter().filter(|entry| entry.medium.is_some()).count()
}

fn show(control: &Control, plan: &Plan, form: CurrencyForm, args: &ReconcileArgs, output: &Output) {
    let kinds: Vec<String> =
        control.read.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let (read, skipped) = (control.files(), control.skipped.len());
    output.line(format!("{read} files read ({}), {skipped} skipped", kinds.join(", ")));
    for (name, why) in &control.skipped {
        output.line(format!("skipped: {}: {why}", printable(name)));
    }
    let (media, records) = (media(plan), control.records);
    output.line(format!(
        "{media} media, {records} records in the evidence, as of {}",
        plan.head.as_of
    ));
    for entry in &plan.entries {
        for finding in entry.findings.iter().filter(|one| one.class != Class::Matched) {
            show_finding(finding, form, output);
        }
    }
    for sum in &plan.tail.classes {
        let amount = form.show_minor(sum.amount);
        output.line(format!("{}: {}, {amount}", sum.class, sum.count));
    }
    for ((from, to), sum) in flows(plan) {
        let sum = form.show_minor(i64::try_from(sum).unwrap_or(i64::MAX));
        output.line(format!("{from} -> {to}: {sum}"));
    }
    let postings = plan.tail.postings;
    match &args.plan {
        Some(path) => output.line(format!(
            "plan: {}, {postings} media to be settled; post it with scrip-server settle",
            path.display()
        )),
        None if postings > 0 => {
            output.line(format!("{postings} media to be settled; --plan FILE writes a plan"));
        }
        None => output.line("nothing is to be settled"),
    }
}

fn show_finding(finding: &Finding, form: CurrencyForm, output: &Output) {
    let whose = match (finding.medium, finding.store) {
        (Some(medium), _) => format!("medium {}", medium.grouped()),
        (None, Some(store)) => format!("store {store}"),
        (None, None) => "the records".to_owned(),
    };
    let at = finding.seq.map(|seq| format!(", #{seq}")).unwrap_or_default();
    let (id, class, amount) =
        (shown_id(&finding.id), finding.class, form.show_minor(finding.amount));
    output.line(format!("{id} {class}: {whose}{at}, {amount}"));
    for side in &finding.sides {
        let hash = data_encoding::HEXLOWER.encode(&side.hash[..8]);
        output.line(format!("  {hash}… {}", printable(&side.what)));
    }
    output.line(format!("  rule: {}", finding.rule));
}

fn fields(control: &Control, plan: &Plan, args: &ReconcileArgs) -> Value {
    let skipped = control.skipped.iter();
    let skipped: Vec<Value> = skipped
        .map(|(name, why)| json!({ "file": name, "why": why.to_string(), "damage": why.is_damage() }))
        .collect();
    let moves: Vec<Value> = flows(plan)
        .into_iter()
        .map(|((from, to), sum)| {
            json!({ "from": from.word(), "to": to.word(), "minor": sum.to_string() })
        })
        .collect();
    let classes: BTreeMap<&str, Value> = plan
        .tail
        .classes
        .iter()
        .map(|sum| {
            let minor = sum.amount.to_string();
            (sum.class.word(), json!({ "count": sum.count, "minor": minor }))
        })
        .collect();
    json!({
        "currency": plan.head.currency.code(),
        "as_of": plan.head.as_of.seconds(),
        "read": control.read,
        "skipped": skipped,
        "records": control.records,
        "media": media(plan),
        "settles": plan.tail.postings,
        "classes": classes,
        "moves": moves,
        "findings": plan.entries.iter().flat_map(found).collect::<Vec<_>>(),
        "plan": args.plan.as_ref().map(|path| path.display().to_string()),
        "plan_hash": data_encoding::HEXLOWER.encode(&plan.hash()),
    })
}

fn found(entry: &PlanEntry) -> Vec<Value> {
    let hex = |hash: &[u8]| data_encoding::HEXLOWER.encode(hash);
    let one = |finding: &Finding| {
        let sides = finding.sides.iter();
        let sides: Vec<Value> =
            sides.map(|side| json!({ "what": side.what, "hash": hex(&side.hash) })).collect();
        json!({
            "id": shown_id(&finding.id),
            "class": finding.class.word(),
            "medium": finding.medium.map(|medium: MediumId| medium.to_string()),
            "store": finding.store.map(StoreId::number),
            "seq": finding.seq.map(Sequence::number),
            "minor": finding.amount.to_string(),
            "sides": sides,
            "rule": finding.rule,
            "owner": finding.owner,
            "settled": entry.posting.is_some(),
        })
    };
    entry.findings.iter().map(one).collect()
}

/// A day, or seconds since 1970.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse::<u64>().map_err(|_| "expected seconds since 1970".to_owned())?;
    Timestamp::from_seconds(seconds).map_err(|error| error.to_string())
}
