//! Tables and secrets that a command creates.

use serde::Serialize;

/// Table or secret with its status.
#[derive(Serialize)]
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) status: ResourceStatus,
}

/// Status of a resource after the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ResourceStatus {
    Created,
    Exists,
    Replaced,
    Missing,
}

impl ResourceStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Exists => "exists",
            Self::Replaced => "replaced",
            Self::Missing => "missing",
        }
    }
}
