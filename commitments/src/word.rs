//! The words by which documents name values.

use serde::Serialize;

/// The word by which a document names a value, such as `message_selection`; of a value that is no word,
/// its JSON text.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LegalBasis, Scope};

    #[test]
    fn values_are_called_as_documents_call_them() {
        assert_eq!(word(&LegalBasis::LegitimateInterest), "legitimate_interest");
        assert_eq!(word(&Scope::MicroExpression), "micro_expression");
        assert_eq!(word(&5), "5");
    }
}
