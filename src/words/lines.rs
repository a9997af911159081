//! Text in lines that fit a terminal, Japanese broken between its phrases.

use super::width;

/// Verbs of two stems and other words that a line doesn't break where their letters alone would let
/// it.
const WHOLE: &[&str] = &[
    "り込", "き込", "み込", "ち主", "ち間", "け取", "み取", "き戻", "み戻", "い済", "り替", "き出",
    "み出", "い方", "し方", "れ方", "り出",
];

/// A text in lines of at most so many columns; lines that it has stay lines.
///
/// English breaks at spaces. Japanese has none, and breaks before a word that follows the kana of
/// another, and beside punctuation. What is longer than a line breaks anywhere.
pub fn wrap(text: &str, columns: usize) -> String {
    let lines = text.split('\n').map(|line| fitted(line, columns));
    lines.collect::<Vec<_>>().join("\n")
}

fn fitted(text: &str, columns: usize) -> String {
    let (mut lines, mut line) = (vec![], String::new());
    for piece in pieces(text) {
        let fits = |line: &str, more: &str| width(line) + width(more) <= columns;
        if !fits(&line, piece.trim_end()) {
            lines.push(std::mem::take(&mut line));
        }
        if fits("", piece.trim_end()) {
            line.push_str(piece);
            continue;
        }
        for letter in piece.chars() {
            if !fits(&line, letter.encode_utf8(&mut [0; 4])) {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    let lines = lines.iter().map(|line| line.trim_end()).skip_while(|line| line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// The parts between which a line may end.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut start) = (vec![], 0);
    for (at, _) in text.char_indices().skip(1) {
        if may_break(&text[..at], &text[at..]) {
            pieces.push(&text[start..at]);
            start = at;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn may_break(before: &str, after: &str) -> bool {
    let (Some(last), mut coming) = (before.chars().next_back(), after.chars()) else {
        return false;
    };
    let (Some(next), following) = (coming.next(), coming.next()) else { return false };
    if next == ' ' || last == ' ' {
        return next != ' ';
    }
    if closes(next) || opens(last) {
        return false;
    }
    let polite = |letter| matches!(letter, 'お' | 'ご');
    let whole = WHOLE.iter().any(|word| word.chars().eq([last, next]));
    let begins = begins_word(next) && !polite(last)
        || polite(next) && following.is_some_and(|letter| ('一'..='鿿').contains(&letter));
    closes(last) || opens(next) || is_hiragana(last) && begins && !whole
}

fn opens(letter: char) -> bool {
    matches!(letter, '（' | '「' | '『' | '［' | '〈')
}

fn closes(letter: char) -> bool {
    matches!(letter, '、' | '。' | '）' | '」' | '』' | '］' | '〉' | '：' | '；' | '？' | '！')
}

fn is_hiragana(letter: char) -> bool {
    ('ぁ'..='ゖ').contains(&letter)
}

fn begins_word(letter: char) -> bool {
    letter.is_ascii_graphic() || ('ァ'..='ヺ').contains(&letter) || ('一'..='鿿').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_breaks_at_spaces() {
        assert_eq!(wrap("to be or not to be", 8), "to be or\nnot to\nbe");
        assert_eq!(wrap("to be\n\nor not", 80), "to be\n\nor not");
        assert_eq!(wrap("", 8), "");
    }

    #[test]
    fn japanese_breaks_between_phrases() {
        let cases = [
            ("残高を表示します", 10, "残高を\n表示します"),
            ("媒体を検査し、パスワードを尋ねます", 20, "媒体を検査し、\nパスワードを尋ねます"),
            ("店にお尋ねください", 16, "店に\nお尋ねください"),
            ("中身を取り込みます", 14, "中身を\n取り込みます"),
            ("終了（`info`と同じ）です", 12, "終了\n（`info`と\n同じ）です"),
            ("使うのは --lang です", 12, "使うのは\n--lang です"),
        ];
        for (text, columns, lines) in cases {
            assert_eq!(wrap(text, columns), lines);
        }
    }

    #[test]
    fn no_line_is_wider_and_nothing_is_lost() {
        let text =
            "終了コードは、媒体が作られたままなら0、複製なら1、プログラムとパスワードなら`x`です。";
        for columns in 2..90 {
            let lines = wrap(text, columns);
            let widest = lines.lines().map(width).max();
            assert!(widest <= Some(columns), "{columns}: {lines}");
            assert_eq!(lines.replace('\n', ""), text);
        }
    }
}
