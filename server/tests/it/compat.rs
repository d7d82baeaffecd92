//! Interfaces of other services: CompreFace and Amazon Rekognition, by hand and by their real clients.

mod clients;
mod compreface;
mod keeping;
mod rekognition;
mod site;
