//! Undoes what a web page, a web form, a mail server or a word processor does to the JSON in it.
//!
//! In: a text whose quotes are entities (`&quot;`) or typographic (`“`), or an e-mail in quoted-printable. Out: the text as it was written. Entities of
//! other characters than those that JSON needs remain.

use memchr::memmem;

/// How a text is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escaping {
    /// Entities of HTML and XML.
    Entities,
    /// Quoted-printable (RFC 2045), in which a line may go on after `=`.
    QuotedPrintable,
    /// Typographic quotes, and spaces that do not break or have no width, as chats and word processors put them.
    Typographic,
}

/// Spaces that JSON does not know.
const SPACES: [char; 4] = ['\u{a0}', '\u{200b}', '\u{202f}', '\u{feff}'];

/// Entities of the characters that are escaped around and in JSON.
const ENTITIES: [(&str, char); 11] = [
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("&#x22;", '"'),
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&apos;", '\''),
    ("&#39;", '\''),
    ("&#x27;", '\''),
    ("&#xa;", '\n'),
    ("&nbsp;", ' '),
];

impl Escaping {
    /// The escaping of a text that is an e-mail or has quotes as entities, by its beginning.
    pub fn of(head: &[u8]) -> Option<Escaping> {
        let has = |part: &str| memmem::find(head, part.as_bytes()).is_some();
        let is_header = ["Transfer", "transfer"].iter().any(|word| has(&format!("\nContent-{word}-")));
        if is_header && has("ncoding: quoted-printable") && (has("aws.ecs") || has("amazonaws.com")) {
            return Some(Escaping::QuotedPrintable);
        }
        let is_record = |quotes: &[(&str, &str)]| {
            let has_key = |key: &str| quotes.iter().any(|(open, close)| has(&format!("{open}{key}{close}")));
            has_key("detail-type") && has("aws.ecs")
                || has_key("eventSource") && has(".amazonaws.com")
                || has_key("stoppedReason")
                || has_key("job_submissions")
        };
        if is_record(&[("&quot;", "&quot;"), ("&#34;", "&#34;"), ("&#x22;", "&#x22;")]) {
            return Some(Escaping::Entities);
        }
        let is_spaced = || SPACES.iter().any(|space| has(&format!("{space}\"")));
        let is_typographic = is_record(&[("“", "”"), ("”", "”"), ("„", "“")]) || is_spaced() && is_record(&[("\"", "\"")]);
        is_typographic.then_some(Escaping::Typographic)
    }

    /// What is done to such a text, for the user.
    pub fn note(self) -> &'static str {
        match self {
            Escaping::Entities => "decoded HTML entities",
            Escaping::QuotedPrintable => "decoded quoted-printable",
            Escaping::Typographic => "replaced typographic quotes and spaces",
        }
    }

    /// The text without its escapes.
    pub fn undo(self, bytes: &[u8]) -> String {
        match self {
            Escaping::Entities => without_entities(&String::from_utf8_lossy(bytes)),
            Escaping::QuotedPrintable => String::from_utf8_lossy(&without_soft_breaks(bytes)).into_owned(),
            Escaping::Typographic => with_plain_quotes(&String::from_utf8_lossy(bytes)),
        }
    }
}

fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.find('&').and_then(|at| rest.split_at_checked(at)) {
        plain.push_str(before);
        let entity = ENTITIES.iter().find_map(|(entity, letter)| Some((*letter, after.strip_prefix(entity)?)));
        let (letter, behind) = entity.unwrap_or(('&', after.get(1..).unwrap_or_default()));
        plain.push(letter);
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

/// A text that quotes typographically has its plain quotes within strings, if it has any.
fn with_plain_quotes(text: &str) -> String {
    let is_quoted = text.contains('“') || text.contains('”');
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '“' | '”' | '„' => plain.push('"'),
            '"' if is_quoted && !plain.ends_with('\\') => plain.push_str("\\\""),
            '\u{200b}' | '\u{feff}' => {}
            _ if SPACES.contains(&letter) => plain.push(' '),
            _ => plain.push(letter),
        }
    }
    plain
}

fn without_soft_breaks(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (before, after) = rest.split_at(at);
        plain.extend_from_slice(before);
        let digit =
            |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        let length = match (after.get(1..), digit(1), digit(2)) {
            (_, Some(high), Some(low)) => {
                plain.push(high << 4 | low);
                3
            }
            (Some([b'\n', ..]), ..) => 2,
            (Some([b'\r', b'\n', ..]), ..) => 3,
            _ => {
                plain.push(b'=');
                1
            }
        };
        rest = after.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_in_pages_and_mails() {
        let page =
            "<pre>{&quot;source&quot;:&quot;aws.ecs&quot;,&quot;detail-type&quot;:&quot;a &amp;amp; b&quot;}</pre> & &eacute;&";
        assert_eq!(Escaping::of(page.as_bytes()), Some(Escaping::Entities));
        let want = "<pre>{\"source\":\"aws.ecs\",\"detail-type\":\"a &amp; b\"}</pre> & &eacute;&";
        assert_eq!(Escaping::Entities.undo(page.as_bytes()), want);
        let mail = "From: no-reply@sns.amazonaws.com\nContent-Transfer-Encoding: quoted-printable\n\n{\"x\"=3A=\n1,\"y\"=3a\"=C3=A9\"}=\r\n = =";
        assert_eq!(Escaping::of(mail.as_bytes()), Some(Escaping::QuotedPrintable));
        let plain = Escaping::QuotedPrintable.undo(mail.as_bytes());
        assert!(plain.ends_with("\n\n{\"x\":1,\"y\":\"é\"} = ="), "{plain}");
    }

    #[test]
    fn records_in_chats() {
        let note = "see\n{\u{a0}“source”: “aws.ecs”,\n“detail-type”: “ECS\u{200b} Task”}";
        assert_eq!(Escaping::of(note.as_bytes()), Some(Escaping::Typographic));
        assert_eq!(
            Escaping::Typographic.undo(note.as_bytes()),
            "see\n{ \"source\": \"aws.ecs\",\n\"detail-type\": \"ECS Task\"}"
        );
        let spaced = "{\n\u{a0}\u{a0}\"stoppedReason\": \"x\"}";
        assert_eq!(Escaping::of(spaced.as_bytes()), Some(Escaping::Typographic));
        assert_eq!(Escaping::Typographic.undo(spaced.as_bytes()), "{\n  \"stoppedReason\": \"x\"}");
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in ["<a href=\"x?a=1&amp;b\">&quot;detail-type&quot;</a>", "quoted-printable: a=3D", "", "{\"a\":\"&quot;\"}"] {
            assert_eq!(Escaping::of(text.as_bytes()), None, "{text}");
        }
    }
}
