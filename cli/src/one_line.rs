//! Log lines that stay lines, whatever is written in them.

use std::io::{self, Stderr, Write};

use tracing_subscriber::fmt::MakeWriter;

/// Standard error, to which every record goes as one line: a break within it is written as `\n`. What comes from outside can
/// then forge no record, not even where somebody forgets to quote it. Other characters that move a terminal's cursor the
/// formatter escapes by itself.
pub(crate) struct OneLine;

impl<'a> MakeWriter<'a> for OneLine {
    type Writer = Lines<Stderr>;
    fn make_writer(&'a self) -> Self::Writer {
        Lines(io::stderr())
    }
}

/// Writes each record on one line. The formatter hands over one record at a time, whole.
pub(crate) struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let (line, end) = match record.split_last() {
            Some((b'\n', line)) => (line, &b"\n"[..]),
            _ => (record, &b""[..]),
        };
        let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r');
        if !line.iter().any(breaks) {
            self.0.write_all(record)?;
            return Ok(record.len());
        }
        let mut quoted = Vec::with_capacity(record.len() + 16);
        for byte in line {
            match byte {
                b'\n' => quoted.extend(b"\\n"),
                b'\r' => quoted.extend(b"\\r"),
                other => quoted.push(*other),
            }
        }
        quoted.extend(end);
        self.0.write_all(&quoted)?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Through the formatter that the program uses, with text that nobody quoted.
    #[test]
    fn log_injection_in_what_nobody_quoted() {
        let shared = Shared::default();
        let writer = shared.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || Lines(writer.clone()))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let forged = "x\n2026-01-01T00:00:00Z ERROR forged\r\n\u{1b}[31mred";
            tracing::warn!("a player calls itself {forged}");
            tracing::warn!(name = %forged, "a field");
        });
        let written = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 2, "{written}");
        assert!(written.ends_with('\n'));
        assert!(written.contains(r"x\n2026-01-01"), "{written}");
        assert!(!written.contains(['\r', '\u{1b}']), "{written}");
    }

    #[test]
    fn ordinary_records_pass_as_they_are() {
        let mut lines = Lines(Vec::new());
        lines.write_all(b"one\n").unwrap();
        lines.write_all(b"two").unwrap();
        assert_eq!(lines.0, b"one\ntwo");
    }
}
