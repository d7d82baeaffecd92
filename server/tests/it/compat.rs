//! Interfaces of other services: CompreFace and Amazon Rekognition, by hand; their real clients are tried on the program
//! (`cli/tests/it/compat.rs`).

mod compreface;
mod keeping;
mod rekognition;
mod site;
