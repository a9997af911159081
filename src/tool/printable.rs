//! Text from outside, made safe for a terminal.

use std::borrow::Cow;

/// Escapes what a terminal would act on instead of showing: control characters, and the marks
/// that reorder or hide text. One line stays one line.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len() + 8), |mut line, c| {
        if acts(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    }))
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{061c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        let cases = [
            ("plain text, 日本語, é, 👍", "plain text, 日本語, é, 👍"),
            ("two\nlines\r\tand a tab", "two\\nlines\\r\\tand a tab"),
            ("\x1b[31mred\x07", "\\u{1b}[31mred\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{7f}", "\\u{7f}"),
            ("invoice\u{202e}gpj.exe", "invoice\\u{202e}gpj.exe"),
            ("\u{2028}\u{2066}\u{200b}\u{feff}", "\\u{2028}\\u{2066}\\u{200b}\\u{feff}"),
        ];
        for (text, safe) in cases {
            assert_eq!(printable(text), safe);
        }
    }
}
