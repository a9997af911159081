//! `audit`: what must hold of the books as a whole, and what is open.

use scrip::issuer::Issuer;
use scrip::records::{AGES_DAYS, Account, AccountNames, Audit, CODES_FEW, Replacement};
use scrip::tool::{Classed, Exit, Failure, Output, clock};
use scrip::units::CurrencyForm;
use scrip::words::counted;
use serde_json::{Value, json};

use crate::cli::Office;

/// So many media that run short of codes are shown.
const SHORT_SHOWN: usize = 20;

pub(crate) fn run(office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let policy = (**issuer.policy()).clone();
    let audit = issuer.records().audit(&policy, clock::now()).or_fail()?;
    let names = issuer.account_names().or_fail()?;
    let form = issuer.form();
    balances(&audit, form, output);
    differences(&audit, &names, form, output);
    let exposure = &audit.exposure;
    let sum = |minor: u64| form.show_minor(minor.cast_signed());
    output.line(format!(
        "at risk: an extra branch of one medium spends {} at most, one of each of {} media {}",
        sum(exposure.worst),
        exposure.media,
        sum(exposure.all)
    ));
    ages(&audit, &names, form, output);
    short(&audit, output);
    let replacements = issuer.records().replacements().or_fail()?;
    replaced(&replacements, form, output);
    let exit = exit(&audit);
    let mut fields = fields(&audit, &names, &issuer);
    fields["replacements"] = replacements.iter().map(replacement).collect();
    output.result(exit, &fields);
    Ok(exit)
}

fn replaced(replacements: &[Replacement], form: CurrencyForm, output: &Output) {
    for one in replacements {
        let (lost, heir) = (one.lost.grouped(), one.heir.grouped());
        output.line(match one.number {
            0 => format!(
                "medium {lost} is replaced by {heir}, which is credited from {} on",
                one.due
            ),
            number => {
                let sum = form.show(one.credited);
                format!("medium {lost} is replaced by {heir}: {sum} by its checkpoint {number}")
            }
        });
    }
}

fn replacement(one: &Replacement) -> Value {
    json!({
        "lost": one.lost.to_string(),
        "heir": one.heir.to_string(),
        "list": one.list,
        "begun": one.begun.to_string(),
        "due": one.due.to_string(),
        "credited": { "minor": one.credited.minor().to_string() },
        "checkpoint": (one.number > 0).then_some(one.number),
    })
}

fn exit(audit: &Audit) -> Exit {
    let over = audit.quotas.iter().any(|quota| quota.sold > quota.quota.minor().cast_signed());
    if audit.kinds.values().sum::<i64>() != 0 || !audit.differing.is_empty() {
        Exit::Damage
    } else if over || !audit.unsold.is_empty() || !audit.spent.is_empty() {
        Exit::Differences
    } else {
        Exit::Done
    }
}

fn balances(audit: &Audit, form: CurrencyForm, output: &Output) {
    for (kind, minor) in &audit.kinds {
        output.line(format!("{kind:<14} {:>18}", form.show_minor(*minor)));
    }
    let sum = audit.kinds.values().sum();
    output.line(format!("{:<14} {:>18}", "together", form.show_minor(sum)));
    for quota in &audit.quotas {
        let (sold, most) = (form.show_minor(quota.sold), form.show(quota.quota));
        let over = quota.sold > quota.quota.minor().cast_signed();
        let over = if over { ": more than it may" } else { "" };
        output.line(format!("store {} ({}): sold {sold} of {most}{over}", quota.store, quota.name));
    }
}

fn differences(audit: &Audit, names: &AccountNames, form: CurrencyForm, output: &Output) {
    let settled = counted(audit.settled, "medium", "media");
    let differ = counted(audit.differing.len() as u64, "sum differs", "sums differ");
    output.line(format!("{settled} settled, {differ} from their moves"));
    for differing in &audit.differing {
        let name = names.of(&differing.account);
        let [moves, account] =
            [differing.by_moves, differing.by_account].map(|minor| form.show_minor(minor));
        output.line(format!("  {name}: {moves} by its moves, {account} by its account"));
    }
    for (medium, minor) in &audit.unsold {
        let minor = form.show_minor(*minor);
        output.line(format!("  medium {medium}: {minor} more was credited than was sold for it"));
    }
    for medium in &audit.spent {
        output.line(format!("  medium {medium}: it was spent from, and no journal sold it"));
    }
}

fn ages(audit: &Audit, names: &AccountNames, form: CurrencyForm, output: &Output) {
    for owed in &audit.owed {
        let sums = owed.ages.map(|minor| form.show_minor(minor));
        let [first, second, third] = AGES_DAYS;
        output.line(format!(
            "{}: {} owed up to {first} days, {} up to {second}, {} up to {third}, {} longer",
            names.of(&owed.account),
            sums[0],
            sums[1],
            sums[2],
            sums[3]
        ));
    }
}

fn short(audit: &Audit, output: &Output) {
    let count = audit.short.len();
    if count == 0 {
        return;
    }
    let media = counted(count as u64, "medium has", "media have");
    output.line(format!("{media} fewer than {CODES_FEW} codes left, neither sold nor credited"));
    for (medium, left) in audit.short.iter().take(SHORT_SHOWN) {
        output.line(format!("  medium {medium}: {left}"));
    }
    if count > SHORT_SHOWN {
        output.line(format!("  and {} more, which --json names", count - SHORT_SHOWN));
    }
}

fn fields(audit: &Audit, names: &AccountNames, issuer: &Issuer) -> Value {
    let code = issuer.form().currency();
    let money = |minor: i64| json!({ "minor": minor.to_string(), "currency": code.code() });
    let name = |account: &Account| names.of(account);
    let differing = audit.differing.iter().map(|differing| {
        let (moves, account) = (money(differing.by_moves), money(differing.by_account));
        json!({ "account": name(&differing.account), "by_moves": moves, "by_account": account })
    });
    let unsold = audit.unsold.iter().map(
        |(medium, minor)| json!({ "medium": medium.to_string(), "more_than_sold": money(*minor) }),
    );
    let quotas = audit.quotas.iter().map(|quota| {
        let most = money(quota.quota.minor().cast_signed());
        let sold = money(quota.sold);
        json!({ "store": quota.store.number(), "name": quota.name, "sold": sold, "quota": most })
    });
    let owed = audit
        .owed
        .iter()
        .map(|owed| json!({ "account": name(&owed.account), "ages": owed.ages.map(money) }));
    let kinds = audit.kinds.iter().map(|(kind, minor)| ((*kind).to_owned(), money(*minor)));
    let spent = audit.spent.iter().map(ToString::to_string);
    let short = audit.short.iter();
    let short = short.map(|(medium, left)| json!({ "medium": medium.to_string(), "left": left }));
    json!({
        "balances": Value::Object(kinds.collect()),
        "settled": audit.settled,
        "differing": differing.collect::<Vec<_>>(),
        "redeemed_never_sold": unsold.collect::<Vec<_>>(),
        "spent_never_sold": spent.collect::<Vec<_>>(),
        "quotas": quotas.collect::<Vec<_>>(),
        "exposure": {
            "media": audit.exposure.media,
            "worst": money(audit.exposure.worst.cast_signed()),
            "all": money(audit.exposure.all.cast_signed()),
        },
        "ages_days": AGES_DAYS,
        "owed": owed.collect::<Vec<_>>(),
        "few_codes_below": CODES_FEW,
        "few_codes": short.collect::<Vec<_>>(),
    })
}
