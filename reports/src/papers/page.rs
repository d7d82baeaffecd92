//! Papers as pages: one file each, nothing loaded from anywhere.

use askama::Template;
use regard_commitments::PaperKind;

use super::paper::{Item, LegalPaper, Papers};

/// The page of one paper.
#[derive(Template)]
#[template(path = "paper.html")]
struct PaperPage<'a> {
    papers: &'a Papers,
    paper: &'a LegalPaper,
    n_open: usize,
}

/// The page that leads to the others.
#[derive(Template)]
#[template(path = "papers.html")]
struct IndexPage<'a> {
    papers: &'a Papers,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    paper: &'a LegalPaper,
    file: String,
    n_open: usize,
}

impl Papers {
    /// The page of one paper; nothing where there is no such paper.
    pub fn page(&self, kind: PaperKind) -> Option<String> {
        let paper = self.paper(kind)?;
        let page = PaperPage {
            papers: self,
            paper,
            n_open: paper.open_questions().count(),
        };
        Some(rendered(&page))
    }

    /// The page that leads to the others.
    pub fn index_page(&self) -> String {
        let row = |paper: &'_ LegalPaper| -> (String, usize) {
            (paper.file_name(), paper.open_questions().count())
        };
        let rows = self.papers.iter().map(|paper| {
            let (file, n_open) = row(paper);
            Row {
                paper,
                file,
                n_open,
            }
        });
        rendered(&IndexPage {
            papers: self,
            rows: rows.collect(),
        })
    }
}

fn rendered(page: &impl Template) -> String {
    page.render().expect("a page is written into a string")
}
