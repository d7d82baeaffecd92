//! The papers that the law asks of a site.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! papers {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $law:literal, $title:literal;)+) => {
        /// A paper that the program writes about an installation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum PaperKind {
            $($(#[$doc])* $variant,)+
        }

        impl PaperKind {
            /// Every paper, in the order in which they are read.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Where the law asks for it.
            pub const fn law(self) -> &'static str {
                match self { $(Self::$variant => $law,)+ }
            }

            /// What it is called.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

papers! {
    /// What is processed.
    Record = "record", "GDPR 30(1)", "Record of processing activities";
    /// What that may do to people.
    ImpactAssessment = "impact_assessment", "GDPR 35(7)", "Data protection impact assessment";
    /// What people are told.
    TransparencyNotice = "transparency_notice", "GDPR 12-14; AI Act 50(3)", "Transparency notice";
    /// What may go wrong with the system.
    RiskFile = "risk_file", "AI Act 5, 6, 9", "Risk management file";
    /// How the system is made.
    TechnicalDocumentation = "technical_documentation", "AI Act 11, annex IV", "Technical documentation";
    /// How it is used.
    Instructions = "instructions", "AI Act 13(3), 26", "Instructions for use";
    /// What it may do to fundamental rights.
    RightsAssessment = "rights_assessment", "AI Act 27(1)", "Fundamental rights impact assessment";
    /// What is entered into the database of the Union.
    DatabaseEntry = "database_entry", "AI Act 49, annex VIII", "Entry for the EU database";
    /// What is told to the authority after a breach. Not about the configuration, but about what happened.
    BreachReport = "breach_report", "GDPR 33(3), 34", "Report of a personal data breach";
}

impl PaperKind {
    /// Whether it follows from the configuration, so that a change of the one is a change of the other.
    pub const fn is_of_configuration(self) -> bool {
        match self {
            Self::Record
            | Self::ImpactAssessment
            | Self::TransparencyNotice
            | Self::RiskFile
            | Self::TechnicalDocumentation
            | Self::Instructions
            | Self::RightsAssessment
            | Self::DatabaseEntry => true,
            Self::BreachReport => false,
        }
    }
}

impl fmt::Display for PaperKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serialization() {
        for &kind in PaperKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(!kind.law().is_empty() && !kind.title().is_empty());
        }
    }
}
