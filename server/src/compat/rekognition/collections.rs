//! Collections themselves.

use regard_engine::Collections;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::detail::MODEL_VERSION;
use super::fault::Fault;
use super::input;

/// Largest page of the model, and what clients get that say nothing.
const MAX_PAGE: usize = 4_096;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfCollection {
    collection_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListCollections {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// The size of a page; 0 stands for nothing said.
pub(super) fn page_size(max_results: Option<i64>) -> Result<usize, Fault> {
    let size = input::number("maxResults", max_results, (0, MAX_PAGE), MAX_PAGE)?;
    Ok(if size == 0 { MAX_PAGE } else { size })
}

impl Call {
    /// The collection that a request names, by its name.
    fn named(&self) -> Result<String, Fault> {
        let request: OfCollection = input::read(&self.body)?;
        input::collection(request.collection_id.as_deref())
    }

    /// What a collection is called everywhere in AWS. There are no accounts here.
    fn arn(&self, name: &str) -> String {
        format!(
            "aws:rekognition:{}:000000000000:collection/{name}",
            self.config.region
        )
    }

    pub(super) async fn create_collection(&self) -> Result<Value, Fault> {
        let name = self.named()?;
        self.collections().create(&self.caller, &name).await?;
        Ok(json!({
            "StatusCode": 200,
            "CollectionArn": self.arn(&name),
            "FaceModelVersion": MODEL_VERSION,
        }))
    }

    pub(super) fn list_collections(&self) -> Result<Value, Fault> {
        let request: ListCollections = input::read(&self.body)?;
        let pages = self.pages("ListCollections", "");
        let from = pages.begin(request.next_token.as_deref())?;
        let size = page_size(request.max_results)?;
        let all = self.collections().list(self.service());
        let names: Vec<String> = all.into_iter().map(|info| info.name).collect();
        let (names, next) = pages.page(names, from, size);
        let versions = vec![MODEL_VERSION; names.len()];
        let mut answer = json!({ "CollectionIds": names, "FaceModelVersions": versions });
        with_next(&mut answer, next);
        Ok(answer)
    }

    pub(super) fn describe_collection(&self) -> Result<Value, Fault> {
        let name = self.named()?;
        let id = Collections::id_of(&name);
        let info = self.collections().describe(self.service(), &id)?;
        Ok(json!({
            "FaceCount": info.n_faces,
            "UserCount": info.n_names,
            "FaceModelVersion": MODEL_VERSION,
            "CollectionARN": self.arn(&name),
            "CreationTimestamp": info.created_at.as_millis() as f64 / 1e3,
        }))
    }

    pub(super) async fn delete_collection(&self) -> Result<Value, Fault> {
        let id = Collections::id_of(&self.named()?);
        self.collections().delete(self.service(), &id).await?;
        Ok(json!({ "StatusCode": 200 }))
    }
}

/// Adds the token of the next page where there is one.
pub(super) fn with_next(answer: &mut Value, next: Option<String>) {
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
}
