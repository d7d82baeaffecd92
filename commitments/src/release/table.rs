//! A release as a table for spreadsheets.

use std::fmt::Write as _;

use regard_domain::Expression;

use super::Release;

impl Release {
    /// The cells as CSV (RFC 4180) with a header; seconds with three decimals. Of a cell that is suppressed day, detail,
    /// camera and hour are there and the numbers empty. No field needs quotes.
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "day,detail,camera,hour,visits,lookers,looks,attention_secs,mean_attention_secs,dwell_secs,mean_dwell_secs",
        );
        for expression in Expression::ALL {
            text.push(',');
            text.push_str(expression.name());
        }
        text.push_str("\r\n");
        let n_numbers = 7 + Expression::ALL.len();
        let secs = |millis: u64| format!("{}.{:03}", millis / 1_000, millis % 1_000);
        for cell in &self.cells {
            let hour = cell.hour.map(|hour| hour.to_string()).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(text, "{},{},{},{hour}", self.day, self.detail, cell.camera);
            let numbers = cell.sums.as_ref().map_or_else(
                || vec![String::new(); n_numbers],
                |sums| {
                    let counts = [sums.visits, sums.lookers, sums.looks].map(|n| n.to_string());
                    let times = [
                        sums.attention_millis,
                        sums.mean_attention_millis,
                        sums.dwell_millis,
                        sums.mean_dwell_millis,
                    ];
                    let shown = sums.expressions.iter().map(ToString::to_string);
                    counts
                        .into_iter()
                        .chain(times.map(secs))
                        .chain(shown)
                        .collect()
                },
            );
            for number in numbers {
                text.push(',');
                text.push_str(&number);
            }
            text.push_str("\r\n");
        }
        text
    }
}
