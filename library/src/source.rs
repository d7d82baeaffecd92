//! Where pictures come from: files, folders, archives, lists, object stores; one after the other, in an order that is always
//! the same.

mod archive;
mod budget;
mod content;
mod guard;
mod list;
mod media;
mod names;
mod store;
mod tar;
mod walk;
mod zip;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use self::archive::Shelf;
pub use self::content::{Content, Loaded, MovingPicture, PhotoBytes};
pub(crate) use self::list::{BadLine, ListLines};
pub(crate) use self::media::{has_picture_ending, may_be_media, without_packing_ending};
pub use self::names::{on_one_line, source_text};
use self::store::LastBucket;
pub use self::store::StoreAddress;
use self::walk::Walker;
use crate::Fault;

/// Most bytes of one thing that has to be held or copied before it can be looked at, where nothing else is said: a
/// photograph, or whatever lies in an archive or an object store. Two hours of film as phones take them fit.
pub const DEFAULT_MAX_ITEM_BYTES: u64 = 8 << 30;

/// How many times its own size an archive may unfold to, where nothing else is said. Origin: photographs and films hardly
/// shrink at all, bitmaps of flat colours to a fiftieth; deflate cannot do better than 1,032.
pub const DEFAULT_MAX_RATIO: u64 = 200;

/// One of the things that were named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, a folder or an archive.
    Path(PathBuf),
    /// A file with one name a line.
    List(PathBuf),
    /// What an object store holds under a prefix.
    Store(StoreAddress),
}

impl Input {
    /// Reads what was typed: `@LIST`, `s3://BUCKET/PREFIX`, or a path.
    ///
    /// # Errors
    /// An address of an object store that names no bucket.
    pub fn parse(typed: &OsStr) -> Result<Self, SourceError> {
        let bytes = typed.as_bytes();
        if bytes.starts_with(b"s3://") {
            return StoreAddress::parse(&typed.to_string_lossy()).map(Self::Store);
        }
        if let [b'@', rest @ ..] = bytes
            && !rest.is_empty()
        {
            return Ok(Self::List(PathBuf::from(OsStr::from_bytes(rest))));
        }
        Ok(Self::Path(PathBuf::from(typed)))
    }

    /// The path that names of what is found in it begin with.
    pub fn root(&self) -> PathBuf {
        match self {
            Self::Path(path) | Self::List(path) => path.clone(),
            Self::Store(address) => PathBuf::from(address.to_string()),
        }
    }

    /// Whether it is at most one thing: a plain file that is no archive by name.
    pub fn is_single(&self) -> bool {
        match self {
            Self::Path(path) => !path.is_dir() && media::packing_by_name(path).is_none(),
            Self::List(_) | Self::Store(_) => false,
        }
    }
}

/// Lids on what is held or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one photograph, and of anything in an archive or an object store.
    pub max_item_bytes: u64,
    /// How many times its own size an archive may unfold to.
    pub max_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_item_bytes: DEFAULT_MAX_ITEM_BYTES,
            max_ratio: DEFAULT_MAX_RATIO,
        }
    }
}

/// Something that was found, before anybody looked into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number among all that is found, from 0; those that nobody wants count.
    pub ordinal: u64,
    /// Which of the inputs it belongs to.
    pub input: usize,
    /// Its path, beginning as it was typed; of an entry of an archive, as if the archive were a folder.
    pub path: PathBuf,
    /// Whether it was named, rather than found in something.
    pub is_named: bool,
    /// Tells whether it is still the same at another time: size and time of change, checksum or tag.
    pub stamp: String,
}

impl Item {
    /// Its name as it is written into tables.
    pub fn source(&self) -> String {
        source_text(&self.path)
    }
}

/// What is told of an item.
#[derive(Debug)]
pub enum Found {
    /// It can be looked into.
    Content(Item, Content),
    /// It cannot.
    Bad(Item, Fault),
    /// All of a folder, archive or prefix that was named has been found; the words say which of them it is.
    End(Item, &'static str),
}

/// What to do about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Hand it over.
    Take,
    /// Go on without it.
    Pass,
    /// Stop here.
    Stop,
}

/// Who is told.
pub trait Visitor {
    /// Whether an item is wanted; asked before a byte of it is read.
    fn wish(&mut self, item: &Item) -> Wish;
    /// Takes an item; `false` to stop.
    fn take(&mut self, found: Found) -> bool;
    /// Whether entries of archives are wanted at all, which takes reading them.
    fn opens_archives(&self) -> bool {
        true
    }
}

/// Why the sources could not be gone through to their end. What was found before is good.
#[derive(Debug, Error)]
pub enum SourceError {
    /// An address that is none.
    #[error("{address} names no bucket; write s3://BUCKET or s3://BUCKET/PREFIX")]
    Address {
        /// As it was typed.
        address: String,
    },
    /// The object store cannot be asked.
    #[error("{address}: {reason}; {remedy}")]
    Store {
        /// The address.
        address: String,
        /// What is the case.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The object store stopped answering while it was asked what it holds.
    #[error(
        "{address}: what is there could not be listed to its end: {reason}; run the same again to go on"
    )]
    Listing {
        /// The address.
        address: String,
        /// What it said.
        reason: String,
    },
}

/// How to go through sources.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// Lids.
    pub limits: Limits,
    /// A folder that is not entered unless it is named: that of drawings, say.
    pub left_out: Option<PathBuf>,
    /// Where films from archives and object stores lie while they are looked at; the system's temporary folder otherwise.
    pub spool: Option<PathBuf>,
    /// Files and folders of ours that may lie in a folder that is gone through, such as the log of a job; they have to be
    /// there already.
    pub ours: Vec<PathBuf>,
}

/// Things that were named, and what is in them.
///
/// Inputs come as given; folders sorted by the bytes of their names, files and folders alike; archives in the order of their
/// entries; object stores in the order of their keys. Links are followed; a folder that is reached again within one input, by
/// whatever link, is not entered twice.
///
/// # Privacy
/// Reads names and, of what is wanted, bytes. Keeps neither.
#[derive(Debug)]
pub struct Sources {
    inputs: Vec<Input>,
    options: SourceOptions,
    shelf: Shelf,
    last_bucket: LastBucket,
}

impl Sources {
    /// Nothing is opened yet.
    pub fn new(inputs: Vec<Input>, options: SourceOptions) -> Self {
        let shelf = Shelf::new(options.limits, options.spool.clone());
        Self {
            inputs,
            options,
            shelf,
            last_bucket: LastBucket::default(),
        }
    }

    /// What was named.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The lids.
    pub const fn limits(&self) -> Limits {
        self.options.limits
    }

    /// Goes through all of it, until the visitor has enough.
    ///
    /// # Errors
    /// When it cannot be known what else there is. What is wrong with single items, the visitor is told.
    pub fn visit(&self, visitor: &mut dyn Visitor) -> Result<(), SourceError> {
        self.walker(visitor).visit(&self.inputs)
    }

    /// Goes through one thing, whether or not it is among those that were named.
    ///
    /// # Errors
    /// As [`Sources::visit`].
    pub(crate) fn visit_one(
        &self,
        input: &Input,
        visitor: &mut dyn Visitor,
    ) -> Result<(), SourceError> {
        self.walker(visitor).visit(std::slice::from_ref(input))
    }

    fn walker<'a>(&'a self, visitor: &'a mut dyn Visitor) -> Walker<'a> {
        Walker::new(&self.options, (&self.shelf, &self.last_bucket), visitor)
    }
}

/// The name of a path for messages of this room.
fn shown(path: &Path) -> String {
    source_text(path).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_path_a_list_or_a_store() {
        let parse = |text: &str| Input::parse(OsStr::new(text));
        assert_eq!(parse("a/b").unwrap(), Input::Path("a/b".into()));
        assert_eq!(parse("@names").unwrap(), Input::List("names".into()));
        assert_eq!(parse("./@names").unwrap(), Input::Path("./@names".into()));
        assert_eq!(parse("@").unwrap(), Input::Path("@".into()));
        let Input::Store(store) = parse("s3://b/c/d").unwrap() else {
            panic!("no store");
        };
        assert_eq!(store.to_string(), "s3://b/c/d");
        assert!(parse("s3://").is_err() && parse("s3:///x").is_err());
    }
}
