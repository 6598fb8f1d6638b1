//! The age of the images that were built on this node.

use std::collections::BTreeMap;

use super::facts::BuiltImages;
use super::judgement::{Check, ok, warning};
use crate::desired::{Desired, Origin};
use crate::image_facts::Built;
use crate::name::AppId;

/// Base images get security fixes about once a month.
const REBUILD_AFTER_DAYS: u64 = 30;

const DAY_S: u64 = 24 * 60 * 60;

/// For each app, the time at which its built images were last known to have the newest bases, in
/// seconds since 1970. The oldest image counts. An image without a base that may change has no age.
#[must_use]
pub fn as_of(desired: &Desired) -> BTreeMap<AppId, u64> {
    let mut all = BTreeMap::new();
    for (app, present) in desired.present() {
        let times = present.containers().filter_map(|(_, container)| {
            let Origin::Build(context) = &container.image.origin else {
                return None;
            };
            let built = container.image_facts.as_ref()?.built.as_ref()?;
            (!context.bases.is_empty()).then(|| Built::as_of_unix_s(built))
        });
        if let Some(oldest) = times.min() {
            all.insert(app.clone(), oldest);
        }
    }
    all
}

/// `None` when no app builds an image.
pub(super) fn judge_built(built: &BuiltImages) -> Option<Check> {
    let BuiltImages { now_unix_s, as_of } = built;
    let days = |as_of: &u64| now_unix_s.saturating_sub(*as_of) / DAY_S;
    let mut old: Vec<(&AppId, u64)> = as_of.iter().map(|(app, at)| (app, days(at))).collect();
    let oldest = old.iter().map(|(_, days)| *days).max()?;
    old.retain(|(_, days)| *days > REBUILD_AFTER_DAYS);
    if old.is_empty() {
        return Some(ok(
            "built-images",
            format!(
                "the images built on this node were built, or their bases checked, within the last {} days",
                oldest.max(1)
            ),
        ));
    }
    let names = old.iter().map(|(app, days)| format!("{app} ({days} days)"));
    let names = names.collect::<Vec<_>>().join(", ");
    let cures = old
        .iter()
        .map(|(app, _)| format!("archipelago rebuild {app}"));
    Some(warning(
        "built-images",
        format!(
            "images were built more than {REBUILD_AFTER_DAYS} days ago, and their base images may have had security fixes since: {names}"
        ),
        cures.collect::<Vec<_>>().join("; "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::State;
    use crate::desired::{Apps, Inputs, assemble};
    use crate::file::Files;
    use crate::image_facts::ImageFacts;
    use crate::intent::Intent;
    use crate::layout::Layout;
    use crate::manifest::COMPOSE_FILE;

    const NOW: u64 = 1_000 * DAY_S;

    fn id(text: &str) -> AppId {
        AppId::parse(text).unwrap()
    }

    fn check(ages: &[(&str, u64)], expected: Option<(State, &str, &str)>) {
        let as_of = ages.iter().map(|(app, days)| (id(app), NOW - days * DAY_S));
        let check = judge_built(&BuiltImages {
            now_unix_s: NOW,
            as_of: as_of.collect(),
        });
        let Some((state, finding, cure)) = expected else {
            assert_eq!(check, None);
            return;
        };
        let check = check.unwrap();
        assert_eq!(check.state, state, "{ages:?}");
        assert!(check.finding.contains(finding), "{}", check.finding);
        assert_eq!(check.cure.unwrap_or_default(), cure);
    }

    #[test]
    fn an_image_that_was_not_checked_for_a_month_is_reported_with_its_age() {
        check(&[], None);
        check(
            &[("web", 0), ("ui", 30)],
            Some((State::Ok, "within the last 30 days", "")),
        );
        check(
            &[("web", 31), ("ui", 3), ("db", 400)],
            Some((
                State::Warning,
                "db (400 days), web (31 days)",
                "archipelago rebuild db; archipelago rebuild web",
            )),
        );
    }

    #[test]
    fn the_oldest_image_counts_and_one_without_a_base_has_no_age() {
        let mut inputs = Inputs::new(Layout::under("/"));
        let compose = "services: {web: {build: ./web}, ui: {build: ./ui}, tool: {build: ./tool}, db: {image: db}}\n";
        let files = [
            (COMPOSE_FILE, compose),
            ("web/Containerfile", "FROM a\n"),
            ("ui/Containerfile", "FROM b\n"),
            ("tool/Containerfile", "FROM scratch\nCOPY . /\n"),
        ];
        let files: Files = files
            .map(|(path, text)| (path.to_owned(), text.as_bytes().into()))
            .into();
        inputs.intents.insert(id("web"), Ok(Intent::default()));
        inputs.definitions.insert(id("web"), files);
        let desired = |inputs: &Inputs| assemble(inputs, &Apps::read(inputs));
        assert_eq!(as_of(&desired(&inputs)), BTreeMap::new());
        let built = |at_unix_s, checked_unix_s| ImageFacts {
            built: Some(Built {
                at_unix_s,
                checked_unix_s,
                ..Built::default()
            }),
            ..ImageFacts::default()
        };
        let wanted = desired(&inputs);
        for (_, container) in wanted
            .present()
            .flat_map(|(_, present)| present.containers())
        {
            let facts = match container.name.as_str() {
                "archy-web" => built(10, Some(40)),
                "archy-web-ui" => built(30, None),
                _ => built(1, None),
            };
            let reference = container.image.reference.to_string();
            inputs.found.images.insert(reference, facts);
        }
        assert_eq!(as_of(&desired(&inputs)), BTreeMap::from([(id("web"), 30)]));
    }
}
