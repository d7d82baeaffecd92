//! Going on where a job ended.

use std::io;
use std::path::Path;

use super::JobError;
use super::log::{Done, Line, LogReader};
use crate::{Found, Item, Visitor, Wish};

/// Passes over the items that are done, looking that each is what it was; then hands on the rest.
pub struct Resuming {
    log: LogReader,
    next: Option<Box<Done>>,
    /// The last item that is done.
    last: Option<u64>,
    difference: Option<String>,
}

impl Resuming {
    pub(super) fn new(path: &Path, last: Option<u64>) -> io::Result<Self> {
        let (log, _) = LogReader::open(path)?;
        let mut resuming = Self {
            log,
            next: None,
            last,
            difference: None,
        };
        resuming.advance();
        Ok(resuming)
    }

    /// The visitor that does the rest.
    pub fn over<'a>(&'a mut self, inner: &'a mut dyn Visitor) -> impl Visitor + 'a {
        Over {
            resuming: self,
            inner,
        }
    }

    fn advance(&mut self) {
        self.next = loop {
            match self.log.next(false) {
                Ok(Some(Line::Done(done))) => break Some(done),
                Ok(Some(Line::Begin(_) | Line::Face(_))) => {}
                // It was whole when the job was opened.
                Ok(Some(Line::End) | None) | Err(_) => break None,
            }
        };
    }

    /// Whether an item is among those that are done.
    fn is_done(&mut self, item: &Item) -> bool {
        if self.last.is_none_or(|last| item.ordinal > last) {
            return false;
        }
        if let Some(next) = &self.next
            && next.ordinal <= item.ordinal
        {
            if next.ordinal == item.ordinal && next.is_of(item) {
                self.advance();
            } else if self.difference.is_none() {
                let was = next.row.source.escape_debug().to_string();
                let is = item.source().escape_debug().to_string();
                self.difference = Some(if was == is {
                    format!("{is} was changed")
                } else {
                    format!("there is {is} where there was {was}")
                });
            }
        }
        true
    }

    /// What is to be said when all has been gone through.
    ///
    /// # Errors
    /// When what is found is not what was found before.
    pub fn check(self) -> Result<(), JobError> {
        let missing = self.next.filter(|next| Some(next.ordinal) <= self.last);
        let difference = self.difference.or_else(|| {
            let source = missing?.row.source.escape_debug().to_string();
            Some(format!("{source} is missing"))
        });
        match difference {
            Some(difference) => Err(JobError::OtherSources { difference }),
            None => Ok(()),
        }
    }

    /// Whether what was found so far is not what it was.
    pub const fn is_different(&self) -> bool {
        self.difference.is_some()
    }
}

struct Over<'a> {
    resuming: &'a mut Resuming,
    inner: &'a mut dyn Visitor,
}

impl Visitor for Over<'_> {
    fn wish(&mut self, item: &Item) -> Wish {
        if self.resuming.is_done(item) {
            return if self.resuming.is_different() {
                Wish::Stop
            } else {
                Wish::Pass
            };
        }
        self.inner.wish(item)
    }

    fn take(&mut self, found: Found) -> bool {
        let (Found::Content(item, _) | Found::Bad(item, _) | Found::End(item, _)) = &found;
        if self.resuming.is_done(item) {
            return !self.resuming.is_different();
        }
        self.inner.take(found)
    }
}
