//! A dlma, dial list master: the head of a dial list.

use serde::{Deserialize, Serialize};

use super::fields::{FieldError, Fields};
use super::ids::DlmaUuid;
use super::time::Timestamp;
use super::variables::{self, Variables};

/// What OutDlmaCreate makes. Its JSON has the column names of the original's table `dl_list_ma`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dlma {
    /// Its id.
    pub uuid: DlmaUuid,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub detail: Option<String>,
    /// The name of the view that shows this list alone.
    pub dl_table: String,
    /// Set on every channel that is dialled from this list.
    #[serde(with = "variables::as_text")]
    pub variables: Variables,
    /// False once deleted.
    #[serde(with = "super::in_use")]
    pub in_use: bool,
    /// When it was created.
    pub tm_create: Timestamp,
    /// When it was deleted.
    pub tm_delete: Option<Timestamp>,
    /// When it was last updated.
    pub tm_update: Option<Timestamp>,
}

impl Dlma {
    /// A dlma of these fields.
    pub fn create(uuid: DlmaUuid, fields: &Fields, now: Timestamp) -> Result<Self, FieldError> {
        let mut dlma = Self {
            uuid,
            name: None,
            detail: None,
            dl_table: uuid.to_string().replace('-', "_"),
            variables: Variables::default(),
            in_use: true,
            tm_create: now,
            tm_delete: None,
            tm_update: None,
        };
        dlma.apply(fields)?;
        Ok(dlma)
    }

    /// The dlma with these fields changed.
    pub fn updated(&self, fields: &Fields, now: Timestamp) -> Result<Self, FieldError> {
        let mut dlma = Self { tm_update: Some(now), ..self.clone() };
        dlma.apply(fields)?;
        Ok(dlma)
    }

    fn apply(&mut self, fields: &Fields) -> Result<(), FieldError> {
        if let Some(name) = fields.text("Name")? {
            self.name = name;
        }
        if let Some(detail) = fields.text("Detail")? {
            self.detail = detail;
        }
        if let Some(variables) = Variables::from_fields(fields)? {
            self.variables = variables;
        }
        Ok(())
    }
}
