//! `enrol`: certify a store.

use scrip::crypto::SystemRandom;
use scrip::format::{Kind, Object};
use scrip::issuer::{Enrolled, Issuer, Requested, Standing, Terms, Wishes, read_request};
use scrip::tool::{Classed, Exit, Failure, Output, clock, money};
use serde_json::json;

use crate::cli::{Enrol, Office};
use crate::files;
use crate::office::{places_hint, sum};

pub(crate) fn run(args: &Enrol, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let bytes = files::read(&args.request, Kind::EnrolRequest.bytes_max())?;
    let requested = read_request(&bytes).or_fail().map_err(|failure| {
        failure.during(args.request.display()).hint("ask the store for its request once more")
    })?;
    let mut issuer = office.open(output)?;
    let terms = terms(args, &issuer)?;
    let now = clock::now();
    if args.dry_run {
        let checked = issuer.check_enrolment(&requested, &terms, now).or_fail();
        checked.map_err(|failure| places_hint(&issuer, failure))?;
        return Ok(planned(&requested, &terms, &issuer, output));
    }
    let opener = office.opener(&issuer)?;
    let key = issuer.issuer_key(opener.passphrase()).or_fail()?;
    let enrolled = issuer.enrol(&requested, &terms, &key, &mut SystemRandom::new(), now).or_fail();
    let enrolled = enrolled.map_err(|failure| places_hint(&issuer, failure))?;
    files::hand_out(&args.out, &enrolled.chain.encode())?;
    told(args, &enrolled, &issuer, output);
    Ok(Exit::Done)
}

fn terms(args: &Enrol, issuer: &Issuer) -> Result<Terms, Failure> {
    let typed = |text: &Option<String>| text.as_ref().map(|text| sum(issuer, text)).transpose();
    let wishes = Wishes {
        quota: typed(&args.quota)?,
        single_max: typed(&args.max_single)?,
        vouchers: args.vouchers,
        days: args.days,
    };
    Ok(wishes.terms(issuer.form(), issuer.policy().topup_max))
}

fn planned(requested: &Requested, terms: &Terms, issuer: &Issuer, output: &Output) -> Exit {
    let (name, form) = (&requested.request().name, issuer.form());
    let (quota, single) = (form.show(terms.quota), form.show(terms.single_max));
    output.line(format!("would enrol {name}: quota {quota}, vouchers of at most {single}"));
    let fields = json!({
        "dry_run": true,
        "name": name,
        "quota": money(terms.quota, form.currency()),
        "single_max": money(terms.single_max, form.currency()),
        "vouchers": terms.vouchers,
    });
    output.result(Exit::Done, &fields);
    Exit::Done
}

fn told(args: &Enrol, enrolled: &Enrolled, issuer: &Issuer, output: &Output) {
    let (store, form) = (&enrolled.store, issuer.form());
    let quota = &store.enrolment.quota;
    let standing = match enrolled.standing {
        Standing::New => "enrolled",
        Standing::Known => "was enrolled already",
    };
    let (id, name) = (store.id, &store.enrolment.name);
    output.line(format!("store {id} ({name}) {standing}: quota {}", form.show(quota.total)));
    output.line(format!("certificate: {}", args.out.display()));
    output.note(format!("next: scrip-server blanks 10 --store {id} --out KIT"));
    let fields = json!({
        "store": id.number(),
        "name": name,
        "new": enrolled.standing == Standing::New,
        "quota": money(quota.total, quota.currency),
        "single_max": money(quota.single_max, quota.currency),
        "serial_first": quota.serial_first,
        "serial_last": quota.serial_last,
        "certificate": args.out.display().to_string(),
    });
    output.result(Exit::Done, &fields);
}
