//! Which licences of weights are allowed.

/// Licences under which weights may be used, changed and passed on by anyone, also for money.
/// SPDX identifiers. Anything else is for a person to read first.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression is covered: all parts of `AND`, one part of `OR`. `AND` binds
/// tighter. Expressions with parentheses or exceptions are not understood, and so not allowed.
pub fn is_allowed(expression: &str) -> bool {
    expression.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|licence| ALLOWED.contains(&licence.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn expressions() {
        fn check(expression: &str, allowed: bool) {
            assert_eq!(is_allowed(expression), allowed, "{expression}");
        }
        check("MIT", true);
        check("Apache-2.0 OR MIT", true);
        check("Apache-2.0 AND BSD-3-Clause", true);
        check("Proprietary OR MIT", true);
        check("Proprietary AND MIT", false);
        check("MIT AND Proprietary OR Apache-2.0", true);
        check("MIT OR Apache-2.0 AND Proprietary", true);
        check("CC-BY-NC-4.0", false);
        check("(MIT OR Proprietary) AND Apache-2.0", false);
        check("GPL-3.0-only WITH GCC-exception-3.1", false);
        check("", false);
        check("unknown", false);
        check("mit", false);
    }
}
