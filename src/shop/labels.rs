//! One page of labels, one a medium, to print on A4 and cut.
//!
//! The first password stands on its own panel and nowhere else; a panel full of letters of the same
//! kind is folded up over it, so that it can't be read through the paper either.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::page::head;
use crate::qr::{Drawing, Strength};
use crate::trust::Fingerprint;
use crate::units::MediumId;

/// What the label of one medium says.
pub struct Label<'a> {
    /// The medium's number.
    pub medium: MediumId,
    /// The number that the clerk sees on the stick and on the screen, from 1.
    pub place: u64,
    /// The edition's name.
    pub edition: &'a str,
    /// The store's name.
    pub store: &'a str,
    /// What the owner compares with what the player shows.
    pub root: Fingerprint,
    /// The password of the first login.
    pub password: &'a str,
}

/// A page is no page of labels, so nothing can be added to it.
#[derive(Debug, thiserror::Error)]
#[error("is no page of labels: it is left as it is")]
pub struct NoLabels;

/// A self-contained page of labels, eight on a sheet of A4.
pub fn labels_page(labels: &[Label<'_>]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(TITLE, STYLE))
            body {
                header {
                    strong { (TITLE) }
                    " Print at 100 % on A4 and cut. Fold the panel full of letters up over the password, "
                    "close it with tape, fold it behind. Then delete this file: whoever reads it "
                    "knows the first passwords."
                }
                main { @for label in labels { (one(label)) } }
            }
        }
    };
    page.into_string()
}

/// Add a label behind those of a page that [`labels_page`] made; once, if it is there already.
pub fn add_label(page: &str, label: &Label<'_>) -> Result<String, NoLabels> {
    let (before, after) = split(page)?;
    if before.contains(&label.medium.grouped()) {
        return Ok(page.to_owned());
    }
    Ok([before, &one(label).into_string(), after].concat())
}

/// Can labels be added to this page?
pub fn check_labels(page: &str) -> Result<(), NoLabels> {
    split(page).map(|_| ())
}

fn split(page: &str) -> Result<(&str, &str), NoLabels> {
    let ours = page.contains(&format!("<title>{TITLE}</title>"));
    page.rfind(END).filter(|_| ours).map(|end| page.split_at(end)).ok_or(NoLabels)
}

fn one(label: &Label<'_>) -> Markup {
    html! {
        article {
            section.front {
                div.qr { (PreEscaped(number_as_qr(label.medium))) }
                div.words {
                    p.edition { (label.edition) }
                    p.caption { "Number " span lang="ja" { "番号" } }
                    p.number { (label.medium.grouped()) }
                    p.caption { "Fingerprint of the issuer " span lang="ja" { "発行元の指紋" } }
                    p.root { (label.root) }
                    p.store { (label.store) span.place { "label " (label.place) } }
                }
            }
            section.secret {
                p.caption { "First password: asked for once, at your first login" }
                p.caption lang="ja" { "最初のパスワード：最初のログインで一度だけ使います" }
                p.password { (label.password) }
            }
            section.cover aria-hidden="true" { @for row in 0..NOISE_ROWS { p { (noise(row)) } } }
        }
    }
}

/// A row of the password's letters, begun elsewhere in each row.
fn noise(row: usize) -> String {
    NOISE.chars().cycle().skip(7 * row).take(NOISE_LETTERS).collect()
}

/// The medium's number as a QR code: an SVG of black modules with its quiet zone.
fn number_as_qr(medium: MediumId) -> String {
    let code = Drawing::new(&medium.to_string(), Strength::High);
    code.expect("12 digits fit the smallest QR code").svg_element()
}

/// What hides a password seen through paper: text of its own kind, which every printer prints.
const NOISE: &str = "m8w3hk9b6xg4dq7ep5zs2vrtyunfjca";
/// Rows of it, and letters in each: more than fit.
const NOISE_ROWS: usize = 7;
const NOISE_LETTERS: usize = 70;

const TITLE: &str = "Labels";
/// What stands behind the last label.
const END: &str = "</main></body></html>";

const STYLE: &str = "
@page { size: A4 portrait; margin: 8mm 10mm; }
* { box-sizing: border-box; margin: 0; padding: 0; }
body { font: 9pt/1.3 system-ui, 'Liberation Sans', 'Noto Sans CJK JP', 'Noto Sans JP', Arial,
  sans-serif; color: #000; background: #fff; }
header { max-width: 190mm; margin: 5mm auto; padding: 3mm 4mm; border: 0.3mm solid #999; border-radius: 2mm; }
main { display: grid; grid-template-columns: repeat(2, 95mm); width: 190mm; margin: 0 auto; }
article { height: 70mm; border: 0.2mm dotted #888; break-inside: avoid; overflow: hidden;
  display: grid; grid-template-rows: 38mm 16mm 16mm; }
section { padding: 2.5mm 4mm; }
.front { display: grid; grid-template-columns: 31mm 1fr; column-gap: 3mm; align-items: center; }
.qr svg { display: block; width: 31mm; height: 31mm; }
.edition { font-size: 11pt; font-weight: 700; overflow: hidden; overflow-wrap: anywhere;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.caption { font-size: 6.5pt; color: #444; margin-top: 1mm; }
.number { font: 700 12.5pt/1.2 ui-monospace, 'Liberation Mono', monospace; white-space: nowrap; }
.root { font: 7pt/1.2 ui-monospace, 'Liberation Mono', monospace; white-space: nowrap; }
.store { font-size: 7pt; margin-top: 1.5mm; display: flex; justify-content: space-between; gap: 2mm; }
.place { white-space: nowrap; }
.secret, .cover { border-top: 0.2mm dashed #555; }
.secret { padding-top: 0.5mm; }
.secret .caption { line-height: 1.2; margin-top: 0.5mm; }
.password { font: 700 14pt/1.3 ui-monospace, 'Liberation Mono', monospace; margin-top: 1mm; white-space: nowrap; }
.cover { overflow: hidden; padding: 0.5mm 0; user-select: none; }
.cover p { font: 700 14pt/2.4mm ui-monospace, 'Liberation Mono', monospace; letter-spacing: -0.9mm;
  white-space: nowrap; overflow: hidden; }
@media print { header { display: none; } }
@media screen and (max-width: 195mm) { main { grid-template-columns: 95mm; width: 95mm; }
  header { margin: 2mm; } }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sign::SecretKey;

    fn label(password: &str) -> Label<'_> {
        Label {
            medium: MediumId::from_serial(4_821_093_765),
            place: 17,
            edition: "Starter <1>",
            store: "Kiosk & Co",
            root: Fingerprint::of(&SecretKey::from_seed([1; 32]).public()),
            password,
        }
    }

    #[test]
    fn a_label_says_all_and_the_password_once() {
        let page = labels_page(&[label("amber-raven-4417")]);
        let root = label("").root.to_string();
        let number = MediumId::from_serial(4_821_093_765).grouped();
        let japanese = "最初のパスワード";
        for part in [&number, "Starter &lt;1&gt;", "Kiosk &amp; Co", "label 17", &root, japanese] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("amber-raven-4417").count(), 1);
        assert_eq!(page.matches("<svg").count(), 1);
        assert!(!page.contains("<?xml"));
        assert!(!page.contains("src=") && !page.contains("url("), "the page needs no other file");
    }

    #[test]
    fn every_medium_has_its_own_label() {
        let labels: Vec<_> = (0..9).map(|_| label("p")).collect();
        let page = labels_page(&labels);
        assert_eq!(page.matches("<article>").count(), 9);
        assert!(page.contains("<title>Labels</title>"));
    }

    #[test]
    fn labels_are_added_once_and_only_to_a_page_of_labels() {
        let second = Label { medium: MediumId::from_serial(2), ..label("second") };
        let page = labels_page(&[label("first")]);
        let both = add_label(&page, &second).unwrap();
        assert_eq!(both, labels_page(&[label("first"), second]));
        let again = Label { medium: MediumId::from_serial(2), ..label("other") };
        assert_eq!(add_label(&both, &again).unwrap(), both);
        for other in ["", "<html></html>", "<title>Labels</title>", "</main></body></html>"] {
            assert!(add_label(other, &label("p")).is_err() && check_labels(other).is_err());
        }
    }
}
