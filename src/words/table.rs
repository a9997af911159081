//! Cells under each other on a terminal, where East Asian characters are two columns wide.

use unicode_width::UnicodeWidthStr;

use super::{Language, Phrase};

/// Columns between two cells.
const GAP: &str = "  ";

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Sums and numbers.
    Right,
}

/// How many columns of a terminal a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text filled up with spaces to a width, by what it takes on a terminal.
pub fn pad(text: &str, columns: usize, side: Side) -> String {
    let space = " ".repeat(columns.saturating_sub(width(text)));
    match side {
        Side::Left => format!("{text}{space}"),
        Side::Right => format!("{space}{text}"),
    }
}

/// Rows of cells; all rows have as many cells as there are sides.
#[derive(Debug, Clone)]
pub struct Table<const N: usize> {
    sides: [Side; N],
    rows: Vec<[Phrase; N]>,
}

impl<const N: usize> Table<N> {
    /// An empty table with these columns.
    pub fn new(sides: [Side; N]) -> Self {
        Self { sides, rows: vec![] }
    }

    /// Add a row at the end.
    pub fn row(&mut self, cells: [Phrase; N]) {
        self.rows.push(cells);
    }

    /// The lines of each language, without spaces at their ends.
    pub fn lines(&self) -> Vec<Phrase> {
        let [english, japanese] = [Language::English, Language::Japanese].map(|l| self.in_one(l));
        english.into_iter().zip(japanese).map(|(en, ja)| Phrase::new(en, ja)).collect()
    }

    fn in_one(&self, language: Language) -> Vec<String> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (most, cell) in widths.iter_mut().zip(row) {
                *most = (*most).max(width(cell.text(language)));
            }
        }
        let line = |row: &[Phrase; N]| {
            let cells = row.iter().zip(widths).zip(self.sides);
            let cells =
                cells.map(|((cell, columns), side)| pad(cell.text(language), columns, side));
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(["abc", "残高", "¥1,000", "é", ""].map(width), [3, 4, 6, 1, 0]);
        assert_eq!(pad("残高", 6, Side::Right), "  残高");
        assert_eq!(pad("残高", 3, Side::Left), "残高");
    }

    #[test]
    fn columns_stand_under_each_other_in_each_language() {
        let mut table = Table::new([Side::Left, Side::Right]);
        table.row([Phrase::new("what", "品目"), Phrase::new("sum", "金額")]);
        table.row([Phrase::same("本"), Phrase::same("¥1,000")]);
        let lines = table.lines();
        let texts = |text: fn(&Phrase) -> &str| lines.iter().map(text).collect::<Vec<_>>();
        assert_eq!(texts(Phrase::en), ["what     sum", "本    ¥1,000"]);
        assert_eq!(texts(Phrase::ja), ["品目    金額", "本    ¥1,000"]);
    }
}
