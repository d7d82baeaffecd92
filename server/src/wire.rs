//! The JSON that leaves and enters: its own types, so that personal data cannot travel by accident.

mod campaigns;
mod decision;
mod health;
mod live;
pub(crate) mod papers;
pub(crate) mod persons;
pub(crate) mod preview;
pub(crate) mod recognition;
mod report;
mod screen;
mod statistics;
pub(crate) mod studies;
mod tokens;
pub(crate) mod zones;

pub(crate) use campaigns::{FactBody, NewFact, NewOutcome, OutcomeAnswer, Upload};
pub(crate) use decision::{LoggedDecision, ShownDecision};
pub(crate) use health::{Health, health};
pub(crate) use live::{Live, Moment, live, moment};
#[cfg(test)]
pub(crate) use report::{CountInterval, Interval};
pub(crate) use report::{Report, ReportRow, report};
pub(crate) use screen::{
    CameraState, HeartbeatBody, LayoutEvent, NoticeEvent, Ping, PlaceEvent, PlayBody, Preload,
    ShownBody, creative, notice,
};
pub use statistics::StatisticsBody;
pub(crate) use statistics::StatisticsList;
pub(crate) use tokens::NewTokenBody;
pub use tokens::{MadeToken, TokenBody};
