//! An installed app with another version: for `rollback` and `update`. Whether it runs stays as it
//! is.

use std::collections::BTreeMap;

use crate::desired::Inputs;
use crate::image::Reference;
use crate::intent::Intent;
use crate::release::ReleaseId;
use crate::store::judge_installed;

use super::installation::{Installation, present};
use super::{Definition, Refusal};

impl Installation {
    /// The app with a kept earlier intent.
    pub(super) fn of_kept(
        inputs: &Inputs,
        definition: Definition,
        kept: Intent,
    ) -> Result<Self, Refusal> {
        let known = present(inputs, &definition.schema.extension.id)?;
        let intent = Intent {
            state: known.state,
            purge: false,
            ..kept
        };
        Self::resolve(inputs, definition, intent)
    }

    /// The app with this definition of the same source. `images` are those by digest, once they
    /// are fetched.
    pub(super) fn of_update(
        inputs: &Inputs,
        definition: Definition,
        images: Option<BTreeMap<Reference, Reference>>,
    ) -> Result<Self, Refusal> {
        let id = &definition.schema.extension.id;
        let known = present(inputs, id)?;
        judge_installed(id, &known.source, &definition.source)?;
        let intent = Intent {
            purge: false,
            source: definition.source.clone(),
            release: Some(ReleaseId::of(&definition.files)),
            exports_all: false,
            images: images.unwrap_or_else(|| known.images.clone()),
            ..known.clone()
        };
        Self::resolve(inputs, definition, intent)
    }
}
