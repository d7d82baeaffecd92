//! The keys of the sensing gate, as the analysers ask for them.

use regard_commitments::{AttentionScope, CountScope, ExpressionScope, Scoped};

/// The keys of one grant: detection always, the rest where the site may.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// To find faces at all.
    pub count: &'a Scoped<CountScope>,
    /// To measure where a face is turned; `None`: not allowed or not wanted.
    pub attention: Option<&'a Scoped<AttentionScope>>,
    /// To measure expression; `None`: not allowed or not wanted.
    pub expression: Option<&'a Scoped<ExpressionScope>>,
}
