//! Examples in folders, archives, object stores and lists.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::examples::{
    Example, ExampleContent, Examples, ExamplesError, MAX_CLASSES, Unread, check_class,
};
use crate::source::{BadLine, ListLines, has_picture_ending, without_packing_ending};
use crate::{Found, Input, Item, SourceError, SourceOptions, Sources, Visitor, Wish, source_text};

/// What macOS puts into archives beside the files.
const MAC_FOLDER: &str = "__MACOSX";

/// Where the class of what is found stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// In the folder after so many within what was named.
    Folder(usize),
    /// Each line of the list says it.
    Lines,
}

/// Examples in folders: one folder a class, photographs anywhere below it. An archive is a folder, also in a folder; a prefix of an
/// object store is one. In a list each line names class and path. What has one name in several places is one class. Names that
/// begin with a dot are left out.
///
/// Archives are read once more for the names in them, and as suspiciously as everywhere.
pub struct CollectedExamples {
    classes: Vec<String>,
    sources: Sources,
    rules: Vec<Rule>,
}

impl CollectedExamples {
    /// The examples in what was named; looks for the classes at once.
    ///
    /// # Errors
    /// [`ExamplesError`].
    pub fn open(inputs: Vec<Input>, options: SourceOptions) -> Result<Self, ExamplesError> {
        let sources = Sources::new(inputs, options);
        let mut names = BTreeSet::new();
        let mut rules = Vec::new();
        for input in sources.inputs() {
            rules.push(match input {
                Input::List(path) => classes_of_list(path, &mut names)?,
                Input::Path(path) if path.is_dir() => classes_of_folder(path, &mut names)?,
                Input::Path(path) if !path.is_file() => {
                    let reason = match fs::metadata(path) {
                        Ok(_) => "it is neither a file nor a folder".to_owned(),
                        Err(error) => error.to_string(),
                    };
                    let name = source_text(path);
                    return Err(ExamplesError::Unreadable { name, reason });
                }
                Input::Path(_) | Input::Store(_) => packed_classes(&sources, input, &mut names)?,
            });
        }
        let all = sources.inputs().iter().map(|i| source_text(&i.root()));
        let (name, n) = (all.collect::<Vec<_>>().join(" "), names.len());
        match n {
            0 | 1 => return Err(ExamplesError::TooFewClasses { name, n }),
            2..=MAX_CLASSES => {}
            _ => return Err(ExamplesError::TooManyClasses { name, n }),
        }
        let classes: Vec<String> = names
            .into_iter()
            .map(|name| {
                let name = name.into_string().map_err(|name| ExamplesError::BadName {
                    name: name.to_string_lossy().into_owned(),
                })?;
                check_class(&name)?;
                Ok(name)
            })
            .collect::<Result<_, ExamplesError>>()?;
        Ok(Self {
            classes,
            sources,
            rules,
        })
    }
}

impl Examples for CollectedExamples {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn each(
        &mut self,
        take: &mut dyn FnMut(Result<Example, Unread>) -> bool,
    ) -> Result<(), SourceError> {
        let numbers: BTreeMap<&str, u32> = (0..)
            .zip(&self.classes)
            .map(|(number, name)| (name.as_str(), number))
            .collect();
        for (input, rule) in self.sources.inputs().iter().zip(&self.rules) {
            let mut teller = Teller {
                numbers: &numbers,
                root: input.root(),
                class: ClassOf::Folder(0),
                take: &mut *take,
                is_enough: false,
            };
            match (rule, input) {
                (Rule::Folder(depth), _) => {
                    teller.class = ClassOf::Folder(*depth);
                    self.sources.visit_one(input, &mut teller)?;
                }
                (Rule::Lines, Input::List(path)) => lines(&self.sources, path, &mut teller)?,
                (Rule::Lines, Input::Path(_) | Input::Store(_)) => {}
            }
            if teller.is_enough {
                break;
            }
        }
        Ok(())
    }
}

/// Whose class what is found is.
enum ClassOf {
    /// That of the folder after so many within the root.
    Folder(usize),
    /// This one.
    This(u32),
}

/// Hands on what is found, with its class.
struct Teller<'a> {
    numbers: &'a BTreeMap<&'a str, u32>,
    root: PathBuf,
    class: ClassOf,
    take: &'a mut dyn FnMut(Result<Example, Unread>) -> bool,
    is_enough: bool,
}

impl Teller<'_> {
    fn class_of(&self, path: &Path) -> Option<u32> {
        if is_hidden(&self.root, path) {
            return None;
        }
        match self.class {
            ClassOf::This(number) => Some(number),
            ClassOf::Folder(depth) => {
                let name = folder_within(&self.root, path, depth)?;
                self.numbers.get(name.to_str()?).copied()
            }
        }
    }

    fn hand_on(&mut self, found: Result<Example, Unread>) -> bool {
        let goes_on = (self.take)(found);
        self.is_enough |= !goes_on;
        goes_on
    }
}

impl Visitor for Teller<'_> {
    fn wish(&mut self, item: &Item) -> Wish {
        match self.class_of(&item.path) {
            Some(_) => Wish::Take,
            None => Wish::Pass,
        }
    }

    fn take(&mut self, found: Found) -> bool {
        match found {
            Found::Content(item, content) => {
                let Some(class) = self.class_of(&item.path) else {
                    return true;
                };
                self.hand_on(Ok(Example {
                    class,
                    name: item.source(),
                    content: ExampleContent::Source(content),
                }))
            }
            Found::Bad(item, _) if is_hidden(&self.root, &item.path) => true,
            Found::Bad(item, fault) => self.hand_on(Err(Unread {
                name: item.source(),
                reason: fault.reason,
            })),
            Found::End(..) => true,
        }
    }
}

/// Whether a name within the root is one that is left out.
fn is_hidden(root: &Path, path: &Path) -> bool {
    parts_within(root, path)
        .any(|part| part.as_bytes().starts_with(b".") || part.as_bytes() == MAC_FOLDER.as_bytes())
}

fn parts_within<'a>(root: &Path, path: &'a Path) -> impl Iterator<Item = &'a OsStr> {
    let within = path.strip_prefix(root).unwrap_or(Path::new(""));
    within.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    })
}

/// The folder that something lies in, after so many; an archive is a folder, and called as it is without its ending.
fn folder_within(root: &Path, path: &Path, depth: usize) -> Option<OsString> {
    let mut parts = parts_within(root, path).skip(depth);
    let folder = parts.next()?;
    // What is last is the photograph.
    parts.next()?;
    Some(without_packing_ending(folder))
}

/// The folders of a folder, and the archives in it.
fn classes_of_folder(folder: &Path, names: &mut BTreeSet<OsString>) -> Result<Rule, ExamplesError> {
    let unreadable = |error: std::io::Error| ExamplesError::Unreadable {
        name: source_text(folder),
        reason: error.to_string(),
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().filter(|_| !is_hidden(folder, &path)) else {
            continue;
        };
        let bare = without_packing_ending(name);
        if path.is_dir() {
            names.insert(name.to_owned());
        } else if bare != name {
            names.insert(bare);
        }
    }
    Ok(Rule::Folder(0))
}

/// The folders in an archive or under a prefix that pictures lie in. Where all of them lie in one folder, it is those within it.
fn packed_classes(
    sources: &Sources,
    input: &Input,
    names: &mut BTreeSet<OsString>,
) -> Result<Rule, ExamplesError> {
    let mut seen = Folders {
        root: input.root(),
        common: None,
        found: BTreeSet::new(),
        bad: None,
    };
    sources.visit_one(input, &mut seen)?;
    if seen.found.is_empty() {
        return Err(match (seen.bad, input) {
            (Some((name, reason)), _) => ExamplesError::Unreadable { name, reason },
            (None, Input::Path(path)) => ExamplesError::NoFolder { path: path.clone() },
            (None, Input::List(_) | Input::Store(_)) => ExamplesError::TooFewClasses {
                name: source_text(&input.root()),
                n: 0,
            },
        });
    }
    let common = seen.common.unwrap_or_default();
    // Something has to be left that tells them apart.
    let depth = if seen
        .found
        .iter()
        .all(|folders| folders.len() > common.len())
    {
        common.len()
    } else {
        0
    };
    let classes = seen.found.into_iter().filter_map(|mut folders| {
        (folders.len() > depth).then(|| without_packing_ending(&folders.swap_remove(depth)))
    });
    names.extend(classes);
    Ok(Rule::Folder(depth))
}

/// The folders that pictures lie in, without looking at one.
struct Folders {
    root: PathBuf,
    /// Folders that all of them lie in.
    common: Option<Vec<OsString>>,
    found: BTreeSet<Vec<OsString>>,
    bad: Option<(String, String)>,
}

/// Folders that are told apart while classes are looked for. Beyond, there are too many classes in any case, or so many folders
/// within each that those of before suffice.
const MAX_FOLDERS: usize = 4 * MAX_CLASSES;

impl Visitor for Folders {
    fn wish(&mut self, item: &Item) -> Wish {
        if is_hidden(&self.root, &item.path) || !has_picture_ending(&item.path) {
            return Wish::Pass;
        }
        let parts = parts_within(&self.root, &item.path);
        let mut folders: Vec<OsString> = parts.map(OsStr::to_owned).collect();
        folders.pop();
        match &mut self.common {
            None => self.common = Some(folders.clone()),
            Some(common) => {
                let same = common.iter().zip(&folders).take_while(|(a, b)| a == b);
                let n_same = same.count();
                common.truncate(n_same);
            }
        }
        if !folders.is_empty() && self.found.len() < MAX_FOLDERS {
            self.found.insert(folders);
        }
        Wish::Pass
    }

    fn take(&mut self, found: Found) -> bool {
        if let Found::Bad(item, fault) = found {
            self.bad.get_or_insert((item.source(), fault.reason));
        }
        true
    }
}

/// The classes that a list names.
fn classes_of_list(path: &Path, names: &mut BTreeSet<OsString>) -> Result<Rule, ExamplesError> {
    let unreadable = |reason: String| ExamplesError::Unreadable {
        name: source_text(path),
        reason,
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut lines = ListLines::new(BufReader::new(file));
    while let Some(line) = lines.next() {
        let parsed = match line {
            Ok(line) => class_and_path(&line),
            Err(BadLine::TooLong) => Err("longer than any name".to_owned()),
            Err(BadLine::Nul) => Err("a byte of 0 is in no name".to_owned()),
            Err(BadLine::Read(error)) => return Err(unreadable(error.to_string())),
        };
        let (class, _) = parsed.map_err(|reason| ExamplesError::BadLine {
            path: path.to_owned(),
            line: lines.n_lines(),
            reason,
        })?;
        names.insert(class);
        if names.len() > MAX_CLASSES {
            break;
        }
    }
    Ok(Rule::Lines)
}

fn class_and_path(line: &OsStr) -> Result<(OsString, Input), String> {
    let bytes = line.as_bytes();
    let Some(tab) = bytes.iter().position(|byte| *byte == b'\t') else {
        return Err("it has no tab".to_owned());
    };
    let (class, path) = (&bytes[..tab], &bytes[tab + 1..]);
    if class.is_empty() || path.is_empty() {
        return Err("class or path is empty".to_owned());
    }
    let input = Input::parse(OsStr::from_bytes(path)).map_err(|error| error.to_string())?;
    if let Input::List(_) = input {
        return Err("a list within a list is not read".to_owned());
    }
    Ok((OsStr::from_bytes(class).to_owned(), input))
}

/// Goes through what a list names.
fn lines(sources: &Sources, path: &Path, teller: &mut Teller<'_>) -> Result<(), SourceError> {
    // It was read to its end before, and may be gone now.
    let unread = |reason: String| {
        Err(Unread {
            name: source_text(path),
            reason,
        })
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            teller.hand_on(unread(error.to_string()));
            return Ok(());
        }
    };
    for line in ListLines::new(BufReader::new(file)) {
        let parsed = line.ok().and_then(|line| class_and_path(&line).ok());
        let class = parsed.as_ref().and_then(|(class, _)| {
            let number = teller.numbers.get(class.to_str()?)?;
            Some(*number)
        });
        let (Some((_, input)), Some(class)) = (parsed, class) else {
            teller.hand_on(unread("it was changed while it was read".to_owned()));
            return Ok(());
        };
        teller.root = input.root();
        teller.class = ClassOf::This(class);
        sources.visit_one(&input, teller)?;
        if teller.is_enough {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
