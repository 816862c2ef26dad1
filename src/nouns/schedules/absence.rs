//! Why no call is recorded for an expected start: the values of the field `absence`.

/// Why no call is recorded for an expected start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The export has no records for that hour.
    NotExported,
    /// The schedule was disabled or deleted.
    Disabled,
    /// That hour has records, but not this call.
    NotCalled,
}

impl Absence {
    const ALL: [Absence; 3] = [Absence::NotExported, Absence::Disabled, Absence::NotCalled];

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Absence::NotExported => "not_exported",
            Absence::Disabled => "disabled",
            Absence::NotCalled => "not_called",
        }
    }

    /// The one with this name.
    pub fn of(word: &str) -> Option<Absence> {
        Absence::ALL.into_iter().find(|absence| absence.word() == word)
    }
}
