//! The page: one document with its style and its script, and the policy that lets only this script run.

use crate::render::{PALETTE, script_hash};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let style = format!("{PALETTE}{STYLE}");
    include_str!("page.html").replace("{{style}}", &style).replace("{{script}}", SCRIPT)
});

/// Styles may be inline, because documents in `srcdoc` inherit this policy and have a style sheet of their own. Frames are
/// sandboxed; the only response that allows to be framed is a report, see `frame.rs`.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        script_hash(SCRIPT)
    )
});

/// The page.
pub async fn page() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY.as_str())];
    (headers, PAGE.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_needs_nothing_from_elsewhere() {
        assert!(PALETTE.contains("--accent:") && PALETTE.contains("prefers-color-scheme: dark"), "{PALETTE}");
        let page = PAGE.as_str();
        assert!(page.contains(&format!("<script>{SCRIPT}</script>")) && !page.contains("{{"), "placeholders are replaced");
        assert_eq!(SCRIPT.matches("</script").count() + STYLE.matches("</style").count(), 0);
        let script = SCRIPT.replace("http://www.w3.org/2000/svg", "");
        for elsewhere in ["http://", "https://", "@import", "url(", " src=", " href="] {
            assert!(!page.replace(SCRIPT, "").contains(elsewhere) && !script.contains(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn answers_are_inserted_as_text() {
        for unsafe_call in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "onclick="]
        {
            assert!(!SCRIPT.contains(unsafe_call), "{unsafe_call}");
        }
        assert_eq!(SCRIPT.matches("srcdoc").count(), 1, "documents are shown in one place");
        assert!(SCRIPT.contains("setAttribute(\"sandbox\", \"\")"));
        // A frame with a script has an origin of its own.
        assert_eq!(SCRIPT.matches("allow-").count(), 1);
        assert!(SCRIPT.contains("setAttribute(\"sandbox\", \"allow-scripts\")"));
    }
}
