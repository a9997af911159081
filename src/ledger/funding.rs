//! What a payer shows a partner before it is sent a byte: that its chain covers what it reserves.
//!
//! A balance is never claimed, it is folded: from the newest checkpoint on the chain, or from the
//! medium's first record, up to the download-start that reserves. The partner keeps it with the
//! receipts, so that what it was shown can be held against any other history of that medium.

use super::anchor::Anchor;
use super::fold::follow;
use super::refusal::{Reason, Refusal};
use super::rules::Rules;
use super::settled::anchored;
use super::state::{Segment, State};
use super::transfers::offline_limits;
use crate::format::checkpoint::{Bounded, Checkpoint};
use crate::format::cose::Sign1;
use crate::format::field::Bytes;
use crate::format::medium::MediumCertificate;
use crate::format::policy::{Policy, Revocation};
use crate::format::record::{Body, Record};
use crate::format::sheet::{Sheet, SheetId};
use crate::format::transfer::{Funding, Partner, SHEETS_MAX, Settled, Terms};
use crate::format::{Kind, Object};
use crate::trust::{Revoked, RevokedError, Signer, Trust, TrustError, Verified};
use crate::units::{Amount, ByteCount, MediumId};

/// What a payer's records rest on.
#[derive(Debug, Clone, Copy)]
pub struct Papers<'a> {
    /// Its certificate.
    pub certificate: &'a Verified<MediumCertificate>,
    /// The store that signed it.
    pub store: &'a Signer,
    /// What its records are held against.
    pub rules: Rules<'a>,
    /// The policy that it was made under, as it was signed.
    pub policy: &'a Verified<Policy>,
}

/// Why a payer can't show that it has what it reserves.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// More than a partner reads.
    #[error(
        "{records} records since the last settlement make {bytes} bytes, a partner reads {limit}"
    )]
    TooLarge {
        /// How many records.
        records: usize,
        /// Bytes of all.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// More sheets than a partner reads.
    #[error(
        "its records since the last settlement rest on {found} sheets, a partner reads {limit}"
    )]
    Sheets {
        /// How many.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A transfer that the checkpoint lists is not at hand.
    #[error("the start of a transfer that checkpoint {0} lists is not at hand")]
    Start(u64),
}

/// Why what a payer shows is not enough.
#[derive(Debug, thiserror::Error)]
pub enum FundingError {
    /// A part of it is not signed by whom it should be.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// It, or its checkpoint's certificate, was signed for another medium or time.
    #[error("{0}")]
    Part(&'static str),
    /// The medium is revoked.
    #[error("{0}")]
    Revoked(#[from] RevokedError),
    /// A record does not follow.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// A settled state that a chain can't begin behind.
    #[error("{0}")]
    Settled(Reason),
    /// Its last record begins no such segment.
    #[error("its last record does not begin a transfer from {0}")]
    Start(Partner),
    /// It would be more than what may be spent at partners.
    #[error(
        "{found} minor units at partners since the last settlement, policy {policy} allows {limit}"
    )]
    Cap {
        /// What it would be.
        found: u64,
        /// The policy.
        policy: u64,
        /// The limit.
        limit: u64,
    },
    /// It would be more often than transfers may begin.
    #[error("{found} transfers since the last settlement, policy {policy} allows {limit}")]
    Count {
        /// How many it would be.
        found: u64,
        /// The policy.
        policy: u64,
        /// The limit.
        limit: u64,
    },
}

/// What a payer's records add up to, the reserve of the segment that begins included.
#[derive(Debug, Clone)]
pub struct Funded {
    /// The payer.
    pub medium: MediumId,
    /// The state after its last record.
    pub state: State,
    /// That record: the signed download-start.
    pub start: Verified<Record>,
    /// The terms that it states.
    pub terms: Terms,
    /// The item that it names.
    pub item: String,
    /// Bytes that the payer has.
    pub before: ByteCount,
}

/// Put together what shows a chain's state: the records of the journal, oldest first, and what they
/// begin behind if it was compacted.
pub fn gather(
    papers: &Papers<'_>,
    anchor: Option<&Anchor>,
    records: &[Verified<Record>],
) -> Result<Funding, GatherError> {
    let outside = anchor.map_or(&[][..], |anchor| &anchor.outside);
    let mut shown: Vec<&Verified<Record>> = records.iter().collect();
    let mut settled = None;
    if let Some((bytes, certificate)) = base(anchor, records) {
        let checkpoint = stated(bytes);
        shown.retain(|record| record.seq > checkpoint.seq);
        let start = |hash: [u8; 32]| {
            let known = records.iter().chain(outside).find(|record| record.hash() == hash);
            known.map(|record| Bytes(record.bytes().to_vec()))
        };
        let starts = checkpoint.open.0.iter().map(|open| start(open.start));
        let starts = starts.collect::<Option<_>>().ok_or(GatherError::Start(checkpoint.number))?;
        let (checkpoint, certificate) = (Bytes(bytes.to_vec()), Bytes(certificate.to_vec()));
        settled = Some(Settled { checkpoint, certificate, starts: Bounded(starts) });
    }
    let rested = |sheet: &&Verified<Sheet>| shown.iter().any(|record| rests(record, &sheet.id));
    let mut sheets: Vec<_> = papers.rules.sheets.iter().collect();
    if sheets.len() > SHEETS_MAX {
        sheets.retain(rested);
    }
    if sheets.len() > SHEETS_MAX {
        return Err(GatherError::Sheets { found: sheets.len(), limit: SHEETS_MAX });
    }
    let signed = |bytes: &[u8]| Bytes(bytes.to_vec());
    let rules = &papers.rules;
    let later = rules.later.iter().map(|policy| signed(policy.bytes()));
    let funding = Funding {
        certificate: signed(papers.certificate.bytes()),
        chain: papers.store.chain(),
        policies: Bounded(std::iter::once(signed(papers.policy.bytes())).chain(later).collect()),
        sheets: Bounded(sheets.iter().map(|sheet| signed(sheet.bytes())).collect()),
        revocation: rules.revoked.list().map(|list| signed(list.bytes())),
        settled,
        records: shown.iter().map(|record| signed(record.bytes())).collect(),
    };
    let (bytes, limit) = (funding.encode().len(), Kind::Funding.bytes_max());
    if bytes > limit || shown.len() > RECORDS_MAX {
        return Err(GatherError::TooLarge { records: shown.len(), bytes, limit });
    }
    Ok(funding)
}

/// Does a record credit a code of this sheet?
fn rests(record: &Record, id: &SheetId) -> bool {
    matches!(&record.body, Body::TopupCode { sheet, .. } if sheet == id)
}

/// The most records that a payer shows.
pub const RECORDS_MAX: usize = 4_000;

/// The newest checkpoint that all records behind its sequence follow from: none of them takes over
/// an older one. It, and its settler's certificate.
///
/// A settler that knows no more of a medium than before settles the same records again; where such
/// a checkpoint was taken over as well, the record of the one before lies behind it.
fn base<'a>(
    anchor: Option<&'a Anchor>,
    records: &'a [Verified<Record>],
) -> Option<(&'a [u8], &'a [u8])> {
    let begun = anchor.map(|anchor| (anchor.checkpoint.bytes(), anchor.certificate.as_slice()));
    let taken_over = records.iter().rev().filter_map(|record| match &record.body {
        Body::Checkpoint { checkpoint, certificate } => {
            Some((checkpoint.0.as_slice(), certificate.0.as_slice()))
        }
        _ => None,
    });
    taken_over.chain(begun).find(|(bytes, _)| {
        let Checkpoint { number, seq, .. } = stated(bytes);
        let behind = records.iter().filter(|record| record.seq > seq);
        behind.filter_map(|record| number_taken_over(record)).all(|taken| taken >= number)
    })
}

/// The number of the checkpoint that a record takes over.
fn number_taken_over(record: &Record) -> Option<u64> {
    match &record.body {
        Body::Checkpoint { checkpoint, .. } | Body::Merge { checkpoint, .. } => {
            Some(stated(&checkpoint.0).number)
        }
        _ => None,
    }
}

fn stated(checkpoint: &[u8]) -> Checkpoint {
    let message = Sign1::decode(checkpoint, Kind::Checkpoint).expect("its record was followed");
    Checkpoint::decode(message.payload()).expect("its record was followed")
}

/// Fold what a payer shows of itself: everything in it is verified, up to the pinned root.
///
/// Its last record has to begin a segment with `partner`; the rules that refuse a reserve or an
/// amount above the payer's cap and count are the ones of [`super::apply`].
pub fn open(trust: &Trust, funding: &Funding, partner: Partner) -> Result<Funded, FundingError> {
    let store = trust.signer(&funding.chain)?;
    let issuer = store.issuer();
    let certificate = store.open::<MediumCertificate>(&funding.certificate.0)?;
    let medium = certificate.medium;
    let policies = funding.policies.0.iter().map(|bytes| issuer.open::<Policy>(&bytes.0));
    let policies = policies.collect::<Result<Vec<_>, _>>()?;
    let Some((policy, later)) = policies.split_first() else {
        return Err(FundingError::Part("it holds no policy"));
    };
    let sheets = funding.sheets.0.iter().map(|bytes| issuer.open::<Sheet>(&bytes.0));
    let sheets = sheets.collect::<Result<Vec<_>, _>>()?;
    let list = funding.revocation.as_ref().map(|list| issuer.open::<Revocation>(&list.0));
    let revoked = list.transpose()?.map_or(Revoked::none(), |list| Revoked::none().with(list));
    revoked.check_medium(medium)?;
    let rules = Rules {
        later,
        sheets: &sheets,
        stores: std::slice::from_ref(&store),
        issuer: Some(&issuer),
        revoked: &revoked,
        ..Rules::of(policy, certificate.currency)
    };
    let mut state = match &funding.settled {
        None => State::blank(medium, certificate.hash(), certificate.key.0),
        Some(settled) => behind(&issuer, settled, medium)?,
    };
    let mut newest = None;
    for record in &funding.records {
        newest = Some(follow(&rules, &mut state, &record.0)?);
    }
    let start = newest.ok_or(FundingError::Start(partner))?;
    begun(state, start, partner)
}

/// The state behind a settler's statement.
fn behind(issuer: &Signer, settled: &Settled, medium: MediumId) -> Result<State, FundingError> {
    let settler = issuer.certify(&settled.certificate.0, None)?;
    let checkpoint = settler.open::<Checkpoint>(&settled.checkpoint.0)?;
    if settler.certificate().expires < checkpoint.as_of {
        return Err(FundingError::Part("the settler's certificate had ended before it signed"));
    }
    if checkpoint.medium != medium {
        return Err(FundingError::Part("its checkpoint is of another medium"));
    }
    let mut starts = vec![];
    for bytes in &settled.starts.0 {
        let named = checkpoint
            .open
            .0
            .iter()
            .find_map(|open| checkpoint.vouch::<Record>(|_| open.start, &bytes.0).ok());
        starts.push(named.ok_or(FundingError::Part("its checkpoint lists another transfer"))?);
    }
    anchored(&checkpoint, &starts).map_err(FundingError::Settled)
}

fn begun(state: State, start: Verified<Record>, partner: Partner) -> Result<Funded, FundingError> {
    let refused = FundingError::Start(partner);
    let Body::DownloadStart { terms, partner: named, before } = &start.body else {
        return Err(refused);
    };
    let (terms, before) = (terms.clone(), *before);
    let Some(item) = start.history.content.clone().filter(|_| *named == partner) else {
        return Err(refused);
    };
    Ok(Funded { medium: state.medium, state, terms, item, before, start })
}

/// What a payer showed a partner before and its present chain doesn't have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// What was reserved for it, minor units.
    pub reserved: u64,
    /// How many transfers began.
    pub transfers: u64,
}

impl Beside {
    /// With what one more earlier paper shows: the segment that it was shown for counts if neither
    /// the chain that is shown now has its start nor the checkpoint that this begins behind settles
    /// it. Two histories show no intent: they count together against one cap.
    #[must_use]
    pub fn with(self, trust: &Trust, shown: &Funding, earlier: &Funding, partner: Partner) -> Self {
        let settled = shown.settled.as_ref().map(|settled| stated(&settled.checkpoint.0).seq);
        let is_newer = |funded: &Funded| settled.is_none_or(|settled| funded.start.seq > settled);
        let known = earlier.records.last().is_none_or(|start| shown.records.contains(start));
        if known || earlier.certificate != shown.certificate {
            return self;
        }
        let Some(funded) = open(trust, earlier, partner).ok().filter(is_newer) else { return self };
        let began = u64::from(funded.before.bytes() == 0);
        Self {
            reserved: self.reserved.saturating_add(funded.reserved().minor()),
            transfers: self.transfers.saturating_add(began),
        }
    }
}

impl Funded {
    /// Hold what is spent and reserved at partners, with what the payer has shown `beside` its
    /// present chain, against another policy: the partner's own, which may be newer than the payer's.
    pub fn within(&self, policy: &Policy, beside: Beside) -> Result<(), FundingError> {
        let (cap, count) = offline_limits(policy, &self.state);
        let (found, transfers) = at_partners(&self.state);
        let found = found.saturating_add(beside.reserved);
        let transfers = transfers.saturating_add(beside.transfers);
        let policy = policy.number;
        if found > cap.minor() {
            return Err(FundingError::Cap { found, policy, limit: cap.minor() });
        }
        if transfers > count {
            return Err(FundingError::Count { found: transfers, policy, limit: count });
        }
        Ok(())
    }

    /// The segment that its last record begins.
    pub fn segment(&self) -> &Segment {
        let transfer = &self.state.transfers[&self.terms.transfer];
        transfer.open.as_ref().expect("its last record opened it")
    }

    /// What it reserves.
    pub fn reserved(&self) -> Amount {
        self.segment().reserved
    }
}

/// What is charged and reserved at partners since the newest checkpoint, in how many transfers.
pub fn at_partners(state: &State) -> (u64, u64) {
    let sum = state.exposure.charged.minor().saturating_add(state.reserved().minor());
    (sum, state.exposure.transfers)
}
