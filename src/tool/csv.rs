//! Tables for spreadsheets.

/// A row of comma-separated values (RFC 4180); text that a spreadsheet would take for a formula
/// gets an apostrophe in front.
pub fn csv_row(cells: &[String]) -> String {
    let cells = cells.iter().map(|cell| {
        let number = cell.parse::<f64>().is_ok();
        let formula = cell.starts_with(['=', '+', '-', '@', '\t']) && !number;
        let cell = if formula { format!("'{cell}") } else { cell.clone() };
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    cells.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula_gets_through() {
        let cells = ["a,b", "say \"x\"", "=1+1", "-5", "@x"].map(str::to_owned);
        assert_eq!(csv_row(&cells), "\"a,b\",\"say \"\"x\"\"\",'=1+1,-5,'@x");
    }
}
