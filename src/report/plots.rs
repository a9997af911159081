//! Bars beside the numbers that they show, as inline SVG.

use maud::{Markup, html};

/// How wide a plot is in its own units; on paper and screen it fills its cell.
const WIDTH: i64 = 200;
/// What is there has a bar that can be seen.
const LEAST: i64 = 1;

/// The bars of one column, all to one scale, with their zero at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    least: i128,
    most: i128,
}

impl Scale {
    /// The scale that all of these fit.
    pub(super) fn of(values: impl IntoIterator<Item = i64>) -> Self {
        let zero = Self { least: 0, most: 0 };
        values.into_iter().map(i128::from).fold(zero, |scale, value| Self {
            least: scale.least.min(value),
            most: scale.most.max(value),
        })
    }

    /// A value's bar; `label` says it in words.
    pub(super) fn bar(self, value: i64, label: &str) -> Markup {
        let zero = self.at(0);
        let end = self.at(value.into());
        let (from, to) = if value < 0 { (end, zero) } else { (zero, end) };
        let drawn = if value == 0 { 0 } else { (to - from).max(LEAST) };
        let from = from.min(WIDTH - drawn);
        let class = if value < 0 { "bar minus" } else { "bar" };
        let frame = format!("0 0 {WIDTH} 10");
        html! {
            svg.(class) viewBox=(frame) preserveAspectRatio="none" role="img" aria-label=(label) {
                @if drawn > 0 { rect x=(from) y="1" width=(drawn) height="8" {} }
                @if self.least < 0 { path.zero d=(format!("M{zero} 0v10")) {} }
            }
        }
    }

    fn at(self, value: i128) -> i64 {
        let span = (self.most - self.least).max(1);
        let place = (value - self.least) * i128::from(WIDTH) / span;
        i64::try_from(place).expect("values lie within the scale")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(scale: Scale, value: i64) -> Option<(String, String)> {
        let drawn = scale.bar(value, "so many").into_string();
        let part = |name: &str| {
            let from = drawn.split_once(&format!(" {name}=\""))?.1;
            Some(from.split_once('"')?.0.to_owned())
        };
        assert!(drawn.contains("aria-label=\"so many\""), "{drawn}");
        Some((part("x")?, part("width")?))
    }

    #[test]
    fn bars_share_a_scale_and_a_zero() {
        let both = |x: &str, width: &str| Some((x.to_owned(), width.to_owned()));
        let scale = Scale::of([50, 100]);
        assert_eq!(rect(scale, 100), both("0", "200"));
        assert_eq!(rect(scale, 50), both("0", "100"));
        assert_eq!(rect(scale, 0), None);
        let scale = Scale::of([-100, 300]);
        assert_eq!(rect(scale, 300), both("50", "150"));
        assert_eq!(rect(scale, -100), both("0", "50"));
        assert_eq!(rect(scale, -1), both("49", "1"));
    }

    #[test]
    fn the_greatest_sums_there_are_fit() {
        let scale = Scale::of([i64::MIN, i64::MAX, 1]);
        assert_eq!(rect(scale, i64::MAX).map(|bar| bar.1).as_deref(), Some("100"));
        assert_eq!(rect(scale, i64::MIN).map(|bar| bar.0).as_deref(), Some("0"));
        assert_eq!(rect(Scale::of([]), 0), None);
        assert_eq!(rect(Scale::of([1]), 1).map(|bar| bar.1).as_deref(), Some("200"));
    }
}
