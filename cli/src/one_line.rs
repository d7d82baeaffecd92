//! Log lines that stay lines, whatever is written in them.

use std::io::{self, Stderr, Write};

use tracing_subscriber::fmt::MakeWriter;

/// Standard error, to which every record goes as one line: a break within it is written as `\n`, and every other character
/// that moves a terminal's cursor by its number. What comes from outside can then forge no record, not even where somebody
/// forgets to quote it. Colours are the formatter's own: without them nothing of an escape sequence passes.
pub(crate) struct OneLine {
    pub(crate) has_colors: bool,
}

impl<'a> MakeWriter<'a> for OneLine {
    type Writer = Lines<Stderr>;
    fn make_writer(&'a self) -> Self::Writer {
        Lines {
            to: io::stderr(),
            has_colors: self.has_colors,
        }
    }
}

/// Writes each record on one line. The formatter hands over one record at a time, whole.
pub(crate) struct Lines<W> {
    to: W,
    has_colors: bool,
}

/// Whether bytes begin with a change of colour or weight: `ESC [`, digits and semicolons, `m` (ECMA-48, SGR).
fn begins_with_color(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"\x1b[") else {
        return false;
    };
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    rest.iter().find(|byte| !is_part(byte)) == Some(&b'm')
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let (line, end) = match record.split_last() {
            Some((b'\n', line)) => (line, &b"\n"[..]),
            _ => (record, &b""[..]),
        };
        if !line.iter().any(u8::is_ascii_control) {
            self.to.write_all(record)?;
            return Ok(record.len());
        }
        let mut quoted = Vec::with_capacity(record.len() + 16);
        for (at, byte) in line.iter().enumerate() {
            match byte {
                b'\n' => quoted.extend(b"\\n"),
                b'\r' => quoted.extend(b"\\r"),
                b'\t' => quoted.push(b'\t'),
                b'\x1b' if self.has_colors && begins_with_color(&line[at..]) => {
                    quoted.push(b'\x1b');
                }
                control if control.is_ascii_control() => write!(quoted, "\\x{control:02x}")?,
                other => quoted.push(*other),
            }
        }
        quoted.extend(end);
        self.to.write_all(&quoted)?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
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
            .with_writer(move || Lines {
                to: writer.clone(),
                has_colors: false,
            })
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

    fn written(record: &[u8], has_colors: bool) -> Vec<u8> {
        let mut lines = Lines {
            to: Vec::new(),
            has_colors,
        };
        lines.write_all(record).unwrap();
        lines.to
    }

    #[test]
    fn ordinary_records_pass_as_they_are() {
        assert_eq!(written(b"one\n", false), b"one\n");
        assert_eq!(
            written("zw\u{e9}i\tdrei".as_bytes(), false),
            "zw\u{e9}i\tdrei".as_bytes()
        );
    }

    #[test]
    fn of_escape_sequences_only_colours_pass_and_only_where_they_are_wanted() {
        let colored = b"\x1b[1;31mred\x1b[0m\n";
        assert_eq!(written(colored, true), colored);
        assert_eq!(
            written(colored, false),
            br"\x1b[1;31mred\x1b[0m"
                .iter()
                .chain(b"\n")
                .copied()
                .collect::<Vec<_>>()
        );
        // A cleared screen, a title, a bell, one that never ends.
        assert_eq!(
            written(b"\x1b[2J\x1b]0;a\x07\x7f\x1b[3", true),
            br"\x1b[2J\x1b]0;a\x07\x7f\x1b[3"
        );
    }
}
