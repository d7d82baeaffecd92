//! What may be looked at under a sensing grant.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One kind of analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// That faces are there and where.
    Count,
    /// Where they are turned.
    Attention,
    /// What they show.
    Expression,
    /// What they show for a fraction of a second; studies with consenting participants only.
    MicroExpression,
    /// Whether a viewer may be a minor; only ever used to do less.
    AgeGuard,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [
        Self::Count,
        Self::Attention,
        Self::Expression,
        Self::MicroExpression,
        Self::AgeGuard,
    ];

    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Attention => "attention",
            Self::Expression => "expression",
            Self::MicroExpression => "micro_expression",
            Self::AgeGuard => "age_guard",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Count => 1,
            Self::Attention => 2,
            Self::Expression => 4,
            Self::MicroExpression => 8,
            Self::AgeGuard => 16,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);

    /// Counting, attention and expression: what the closed loop asks for.
    pub const AUDIENCE: Self =
        Self(Scope::Count.bit() | Scope::Attention.bit() | Scope::Expression.bit());

    /// Whether the scope is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The set with the scope in it.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// The set without the scope.
    #[must_use]
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !scope.bit())
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in it, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |s| self.contains(*s))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Scope>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A scope as a type, so that an analyser can ask for its own and no other.
pub trait ScopeMarker: sealed::Sealed {
    /// The scope it stands for.
    const SCOPE: Scope;
}

macro_rules! markers {
    ($($(#[$doc:meta])* $name:ident = $scope:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl ScopeMarker for $name {
            const SCOPE: Scope = Scope::$scope;
        }
    )+};
}

markers! {
    /// [`Scope::Count`] as a type: detectors and trackers take it.
    CountScope = Count;
    /// [`Scope::Attention`] as a type: head pose and gaze take it.
    AttentionScope = Attention;
    /// [`Scope::Expression`] as a type: expression networks take it.
    ExpressionScope = Expression;
    /// [`Scope::MicroExpression`] as a type.
    MicroExpressionScope = MicroExpression;
    /// [`Scope::AgeGuard`] as a type.
    AgeGuardScope = AgeGuard;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Scopes::AUDIENCE
            .with(Scope::AgeGuard)
            .without(Scope::Attention);
        let names: Vec<&str> = set.iter().map(Scope::as_str).collect();
        assert_eq!(names, ["count", "expression", "age_guard"]);
        assert!(Scopes::NONE.is_empty() && !set.is_empty());
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(json, r#"["count","expression","age_guard"]"#);
        assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), set);
        assert!(serde_json::from_str::<Scopes>(r#"["mood"]"#).is_err());
    }
}
