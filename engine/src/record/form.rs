//! The envelope that every record is written in: `{"format": 1, …}`.

use merge::ErrorClass;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The format this cleat writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It was written by a newer cleat.
    #[error(
        "the {record} is in format {found}, and this cleat reads up to {FORMAT}: use a cleat at \
         least as new as the one that wrote it"
    )]
    Newer {
        /// Which record.
        record: &'static str,
        /// The format it says it has.
        found: u32,
    },
    /// It is not what cleat writes.
    #[error("the {record} cannot be read; it was damaged or edited by hand")]
    Unreadable {
        /// Which record.
        record: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It cannot be spelled as JSON: a defect.
    #[error("the {record} cannot be written")]
    Unwritable {
        /// Which record.
        record: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl RecordError {
    /// What kind of failure this is.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Newer { .. } | Self::Unreadable { .. } => ErrorClass::Config,
            Self::Unwritable { .. } => ErrorClass::Internal,
        }
    }
}

#[derive(Deserialize)]
struct Probe {
    format: u32,
}

#[derive(Deserialize)]
struct Read<T> {
    #[serde(flatten)]
    record: T,
}

#[derive(Serialize)]
struct Written<'a, T> {
    format: u32,
    #[serde(flatten)]
    record: &'a T,
}

pub(super) fn read<T: DeserializeOwned>(
    record: &'static str,
    bytes: &[u8],
) -> Result<T, RecordError> {
    let unreadable = |source| RecordError::Unreadable { record, source };
    let probe: Probe = serde_json::from_slice(bytes).map_err(unreadable)?;
    if probe.format > FORMAT {
        return Err(RecordError::Newer { record, found: probe.format });
    }
    let read: Read<T> = serde_json::from_slice(bytes).map_err(unreadable)?;
    Ok(read.record)
}

pub(super) fn write<T: Serialize>(record: &'static str, value: &T) -> Result<Vec<u8>, RecordError> {
    serde_json::to_vec(&Written { format: FORMAT, record: value })
        .map_err(|source| RecordError::Unwritable { record, source })
}
