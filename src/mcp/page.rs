//! Divides answers into pages that fit into a model's context.

/// The largest answer, in bytes. Clients refuse answers of more than 25,000 tokens; a token of JSON with ids is about two and a
/// half bytes.
const MOST_BYTES: usize = 40_000;

/// The part of an answer that notes may take: the rest is for the answer itself.
const NOTES: usize = 4;

/// A page of an answer: the notes of the command, then its lines from `offset`, as many as fit.
pub fn page(notes: &str, text: &str, offset: usize) -> String {
    page_of(notes, text, offset, MOST_BYTES)
}

fn page_of(notes: &str, text: &str, offset: usize, most: usize) -> String {
    let all = text.lines().count();
    let mut out = String::new();
    for note in notes.lines().filter(|line| !line.trim().is_empty()) {
        out.push_str(note);
        out.push('\n');
    }
    if out.len() > most / NOTES {
        out = shortened(&out, most / NOTES);
        out.push('\n');
    }
    if all == 0 {
        out.push_str("(no rows)\n");
        return out;
    }
    if offset >= all {
        out.push_str(&format!("(no lines from offset {offset}: the answer has {all} lines)\n"));
        return out;
    }
    let mut room = most.saturating_sub(out.len());
    let mut shown = String::new();
    let mut next = offset;
    for line in text.lines().skip(offset) {
        // One line always fits, so that every page makes progress.
        let line = if next == offset { shortened(line, room) } else { line.to_owned() };
        if line.len() + 1 > room {
            break;
        }
        room -= line.len() + 1;
        shown.push_str(&line);
        shown.push('\n');
        next += 1;
    }
    if offset > 0 || next < all {
        out.push_str(&format!("lines {} to {next} of {all}", offset + 1));
        if next < all {
            out.push_str(&format!("; for more, call again with offset {next}, or ask for less"));
        }
        out.push('\n');
    }
    out.push_str(&shown);
    out
}

/// A line that is cut to a number of bytes, at a character.
fn shortened(line: &str, most: usize) -> String {
    let most = most.saturating_sub(1);
    if line.len() <= most {
        return line.to_owned();
    }
    let mut end = most.saturating_sub("…".len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_answer_is_one_page() {
        assert_eq!(page("window a … b\n", "1\n2\n", 0), "window a … b\n1\n2\n");
        assert_eq!(page("", "", 0), "(no rows)\n");
    }

    #[test]
    fn pages_cover_every_line_once() {
        let text: String = (0..500).map(|number| format!("row {number} {}\n", "é".repeat(number % 40))).collect();
        let (mut seen, mut offset) = (Vec::new(), 0);
        while offset < 500 {
            let page = page_of("note", &text, offset, 900);
            assert!(page.len() < 1_100, "{}", page.len());
            let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("row ")).collect();
            assert!(!rows.is_empty());
            offset += rows.len();
            seen.extend(rows.into_iter().map(str::to_owned));
        }
        assert_eq!(seen, text.lines().map(str::to_owned).collect::<Vec<_>>());
        assert!(page_of("", &text, 500, 900).contains("no lines from offset 500"));
    }

    #[test]
    fn notes_of_any_length_leave_room_for_the_answer() {
        let page = page_of(&"a note\n".repeat(1_000), "one\ntwo\n", 0, 400);
        assert!(page.len() <= 400 && page.ends_with("one\ntwo\n"), "{page}");
    }

    #[test]
    fn a_line_longer_than_a_page_is_cut() {
        let page = page_of("", &"ü".repeat(5_000), 0, 1_000);
        assert!(page.len() <= 1_001 && page.ends_with("…\n"));
    }
}
