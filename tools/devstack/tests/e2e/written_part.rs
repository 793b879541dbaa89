//! Parts of pages in `docs/` that a test writes and checks.

use std::path::PathBuf;

/// A part between two marks of a page.
pub(crate) struct WrittenPart {
    /// File name in `docs/`.
    pub(crate) page: &'static str,
    pub(crate) begin: &'static str,
    pub(crate) end: &'static str,
}

impl WrittenPart {
    fn path(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(self.page)
    }

    fn whole(&self) -> String {
        std::fs::read_to_string(self.path()).expect("the page")
    }

    fn between(&self, whole: &str) -> String {
        let (_, rest) = whole.split_once(self.begin).expect("the begin mark");
        rest.split_once(self.end).expect("the end mark").0.to_owned()
    }

    /// Returns the page's text between the marks.
    pub(crate) fn shown(&self) -> String {
        self.between(&self.whole())
    }

    /// Asserts that the page has this text between the marks. With `UPDATE=1` it updates the page instead.
    #[track_caller]
    pub(crate) fn check(&self, seen: &str) {
        let Self { page, begin, end } = self;
        let whole = self.whole();
        let shown = self.between(&whole);
        if shown == seen {
            return;
        }
        if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
            let whole =
                whole.replace(&format!("{begin}{shown}{end}"), &format!("{begin}{seen}{end}"));
            return std::fs::write(self.path(), whole).expect("the page can be written");
        }
        let shown: Vec<_> = shown.lines().collect();
        let other = seen.lines().filter(|line| !line.is_empty() && !shown.contains(line));
        let other: Vec<_> = other.collect();
        panic!("docs/{page} lacks these results (UPDATE=1 updates it):\n{}", other.join("\n"));
    }
}
