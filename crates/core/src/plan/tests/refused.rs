//! Steps that are never done, with the rule that each breaks.

use super::*;
use crate::cause::{Refused, Rule};
use crate::observed::Memory;
use crate::observed::{PodmanNetwork, PodmanView};
use crate::plan::guard;
use std::collections::BTreeMap;

/// The app `web` at rest, of which Podman is asked, and an `other` that is not installed.
fn seen(world: &World) -> Observed {
    let mut observed = world.observe();
    observed.podman = Podman::Answered(world.podman.clone());
    observed
}

fn judged(world: &mut World, observed: &Observed, action: &Action) -> Result<(), Refused> {
    let plan = world.plan();
    guard::check(&world.desired(), observed, &plan, action)
}

/// A step in the name of `web`; `None` when it may be done.
fn check_seen(world: &mut World, observed: &Observed, step: AppStep, rule: Option<Rule>) {
    let action = of_app("web", step);
    let said = brief(&action);
    let broken = judged(world, observed, &action).err();
    assert_eq!(broken.map(|refused| refused.rule()), rule, "{said}");
}

fn check_step(world: &mut World, step: AppStep, rule: Option<Rule>) {
    let observed = seen(world);
    check_seen(world, &observed, step, rule);
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_secret_is_made_only_where_there_is_none() {
    let secret = |name: &str| AppStep::GenerateSecret {
        name: text(name),
        recipe: Recipe::Random,
    };
    let mut world = World::fresh();
    check_step(&mut world, secret("token"), None);
    check_step(&mut world, secret("other"), Some(Rule::SecretKept));
    let mut world = World::converged();
    check_step(&mut world, secret("token"), Some(Rule::SecretKept));
}

#[test]
fn only_what_is_wanted_is_written() {
    let world = &mut World::converged();
    let folder = |path: &str| AppStep::MakeFolder(PathBuf::from(path));
    check_step(world, folder("/data/volumes/web/data"), None);
    check_step(world, folder("/data/volumes/web"), Some(Rule::Wanted));
    let file = |path: &str, content: &str| AppStep::WriteFile {
        path: PathBuf::from(path),
        content: text(content),
    };
    let path = "/data/archy-web-ui/ui.conf";
    check_step(world, file(path, "token=5ec2e7\n"), None);
    check_step(world, file(path, "token=other\n"), Some(Rule::Wanted));
    check_step(world, file("/data/x", "token=5ec2e7\n"), Some(Rule::Wanted));

    let wanted = String::from_utf8(world.unit("archy-web.container").clone()).unwrap();
    let unit = |name: &str, content: &str| AppStep::WriteUnit {
        name: text(name),
        content: text(content),
    };
    check_step(world, unit("archy-web.container", &wanted), None);
    check_step(world, unit("archy-web.container", ""), Some(Rule::Wanted));
    check_step(
        world,
        unit("archy-x.container", &wanted),
        Some(Rule::Wanted),
    );
    *world.unit("archy-web.container") = b"[Container]\nImage=mine\n".to_vec();
    check_step(
        world,
        unit("archy-web.container", &wanted),
        Some(Rule::Ours),
    );

    let world = &mut World::converged();
    let (_, present) = world
        .desired()
        .present()
        .map(|(id, present)| (id.clone(), present.clone()))
        .next()
        .unwrap();
    let (_, container) = present.containers().next().unwrap();
    let mut image = container.image.clone();
    check_step(world, AppStep::EnsureImage(Box::new(image.clone())), None);
    image.reference = crate::image::Reference::parse("other").unwrap();
    check_step(
        world,
        AppStep::EnsureImage(Box::new(image)),
        Some(Rule::Wanted),
    );
}

#[test]
fn a_secret_of_podmans_is_replaced_only_by_what_is_wanted() {
    let world = &mut World::converged();
    let name = "archy-web-token";
    let revision = world.podman.secrets[name].clone().unwrap().1;
    let desired = world.desired();
    let (_, present) = desired.present().next().unwrap();
    let content = present.secrets[name].content.clone();
    let store = |podman_name: &str, secret: &str, revision: &str| AppStep::StoreSecret {
        podman_name: text(podman_name),
        name: text(secret),
        revision: text(revision),
        content: content.clone(),
    };
    check_step(world, store(name, "token", &revision), None);
    check_step(world, store(name, "other", &revision), Some(Rule::Wanted));
    check_step(world, store(name, "token", "other"), Some(Rule::Wanted));
    check_step(
        world,
        store("archy-web-x", "token", &revision),
        Some(Rule::Wanted),
    );
    for owner in [None, Some((id("other"), revision.clone()))] {
        world.podman.secrets.insert(text(name), owner);
        check_step(world, store(name, "token", &revision), Some(Rule::Ours));
    }
    world.podman.secrets.remove(name);
    check_step(world, store(name, "token", &revision), None);
}

#[test]
fn what_runs_as_it_should_is_left_alone() {
    let web = || text("archy-web.service");
    let foreign = || text("other.service");
    let world = &mut World::converged();
    check_step(world, AppStep::Stop(web()), Some(Rule::StopsForAReason));
    check_step(world, AppStep::Restart(web()), Some(Rule::StopsForAReason));
    check_step(world, AppStep::CancelJob(web()), Some(Rule::Wanted));
    check_step(world, AppStep::Start(web()), None);
    check_step(world, AppStep::Stop(foreign()), Some(Rule::Ours));
    check_step(world, AppStep::CancelJob(foreign()), Some(Rule::Ours));
    check_step(world, AppStep::Start(foreign()), Some(Rule::Wanted));
    check_step(world, AppStep::Restart(foreign()), Some(Rule::Wanted));
    let unit = || text("archy-web.container");
    check_step(
        world,
        AppStep::RemoveUnit(unit()),
        Some(Rule::StopsForAReason),
    );
    for made in ["archy-web-network.service", "archy-web-data-volume.service"] {
        check_step(
            world,
            AppStep::Restart(text(made)),
            Some(Rule::StopsForAReason),
        );
    }
    world.podman.networks.clear();
    world.podman.volumes.clear();
    for made in ["archy-web-network.service", "archy-web-data-volume.service"] {
        check_step(world, AppStep::Restart(text(made)), None);
    }
    world.fail("archy-web.service");
    check_step(world, AppStep::Restart(web()), None);

    // Nobody knows with what one started that came up while its unit was changed.
    let world = &mut World::converged();
    let invocation = world.host.invocations["archy-web.service"].clone();
    for (known, rule) in [
        (text(""), None),
        (invocation, None),
        (text("another"), Some(Rule::StopsForAReason)),
    ] {
        let mut observed = seen(world);
        observed.memory.restarts.insert(web(), known);
        check_seen(world, &observed, AppStep::Restart(web()), rule);
    }
}

#[test]
fn what_is_to_rest_is_stopped_and_nothing_else() {
    let world = &mut World::converged();
    world.intend("web", WantedState::Stopped, false);
    let web = || text("archy-web.service");
    check_step(world, AppStep::Stop(web()), None);
    check_step(world, AppStep::Start(web()), Some(Rule::Wanted));
    check_step(world, AppStep::Restart(web()), Some(Rule::Wanted));
    // A service that the app has no more is stopped while the rest of it runs.
    let world = &mut World::converged();
    world.edit_definition(
        "  ui:\n    image: docker.io/library/ui:1\n    ports: ['8080:80']\n",
        "",
    );
    world.edit_definition("companions: [ui]", "companions: []");
    world.edit_definition(
        "    - {source: ui.conf, service: ui, target: /etc/ui.conf}\n",
        "",
    );
    world.edit_definition("  templates:\n", "");
    check_step(world, AppStep::Stop(text("archy-web-ui.service")), None);
    check_step(world, AppStep::Stop(web()), Some(Rule::StopsForAReason));
    // An app that cannot be resolved is left as it is.
    let world = &mut World::converged();
    world.edit_definition("services:", "service:");
    for step in [
        AppStep::Stop(web()),
        AppStep::RemoveUnit(text("archy-web.container")),
    ] {
        check_step(world, step, Some(Rule::StopsForAReason));
    }
    world.stop("archy-web.service");
    let unit = || AppStep::RemoveUnit(text("archy-web.container"));
    check_step(world, unit(), Some(Rule::StopsForAReason));
    // Nor does a unit that is wanted go because its service happens to rest.
    let world = &mut World::converged();
    world.stop("archy-web.service");
    check_step(world, unit(), Some(Rule::StopsForAReason));
}

#[test]
fn a_unit_file_goes_once_its_service_rests_and_only_if_it_is_ours() {
    let world = &mut World::converged();
    let remove = |name: &str| AppStep::RemoveUnit(text(name));
    world.intend("web", WantedState::Removed, false);
    check_step(
        world,
        remove("archy-web.container"),
        Some(Rule::StopsForAReason),
    );
    world.stop("archy-web.service");
    check_step(world, remove("archy-web.container"), None);
    *world.unit("archy-web.container") = b"[Container]\nImage=mine\n".to_vec();
    check_step(world, remove("archy-web.container"), Some(Rule::Ours));
    check_step(
        world,
        remove("archy-web-ui.container"),
        Some(Rule::StopsForAReason),
    );
}

#[test]
fn rendered_files_go_with_the_container_that_nobody_wants_any_more() {
    let world = &mut World::converged();
    let remove = |container: &str| AppStep::RemoveRendered(text(container));
    check_step(world, remove("archy-web-ui"), Some(Rule::Ours));
    check_step(world, remove("archy-web-old"), None);
    for others in ["archy-website", "volumes", "secrets"] {
        check_step(world, remove(others), Some(Rule::Ours));
    }
    world.intend("web", WantedState::Removed, false);
    check_step(world, remove("archy-web-ui"), None);
}

#[test]
fn what_podman_has_goes_with_its_app_and_only_if_it_is_ours() {
    type Remove = fn(String) -> AppStep;
    let objects: [(&str, Remove); 4] = [
        ("archy-web", AppStep::RemoveContainer),
        ("archy-web", AppStep::RemoveNetwork),
        ("archy-web-data", AppStep::RemoveVolume),
        ("archy-web-token", AppStep::RemoveSecret),
    ];
    let world = &mut World::converged();
    for (name, remove) in objects {
        check_step(world, remove(text(name)), Some(Rule::StopsForAReason));
    }
    world.intend("web", WantedState::Removed, false);
    let unasked = world.host.clone();
    for (name, remove) in objects {
        check_step(world, remove(text(name)), None);
        check_step(world, remove(text("archy-web-absent")), Some(Rule::Ours));
        check_seen(world, &unasked, remove(text(name)), Some(Rule::Ours));
    }
    // Labels can be copied, and names chosen by anybody.
    let podman = &mut world.podman;
    let revision = text("1");
    for owner in [None, Some(id("other"))] {
        podman.containers.insert(text("archy-web"), owner.clone());
        let network = PodmanNetwork {
            owner: owner.clone(),
            ..PodmanNetwork::default()
        };
        podman.networks.insert(text("archy-web"), network);
        podman.volumes.insert(text("archy-web-data"), owner.clone());
        let owner = owner.map(|app| (app, revision.clone()));
        podman.secrets.insert(text("archy-web-token"), owner);
    }
    podman.containers.insert(text("copy"), Some(id("web")));
    for (name, remove) in objects {
        check_step(world, remove(text(name)), Some(Rule::Ours));
    }
    check_step(
        world,
        AppStep::RemoveContainer(text("copy")),
        Some(Rule::Ours),
    );
}

/// An isolated network, one that somebody is on, and one of another app stay as they are.
#[test]
fn a_network_of_an_app_that_stays_goes_only_without_isolation_and_with_nobody_on_it() {
    let network = || AppStep::RemoveNetwork(text("archy-web"));
    let stop = || AppStep::Stop(text("archy-web.service"));
    let world = &mut World::converged();
    world.stop("archy-web-ui.service");
    world.stop("archy-web.service");
    check_step(world, network(), Some(Rule::StopsForAReason));
    world.open_network("archy-web");
    check_step(world, network(), None);
    let mut elsewhere = seen(world);
    elsewhere.podman = Podman::Unasked;
    check_seen(world, &elsewhere, network(), Some(Rule::Ours));

    world.restart("archy-web.service");
    check_step(world, network(), Some(Rule::StopsForAReason));
    check_step(world, stop(), Some(Rule::StopsForAReason));
    let run = world.host.invocations["archy-web.service"].clone();
    let restarts = &mut world.host.memory.restarts;
    restarts.insert(text("archy-web.service"), run);
    check_step(world, stop(), None);
    world.podman.networks.get_mut("archy-web").unwrap().isolated = true;
    check_step(world, stop(), Some(Rule::StopsForAReason));

    world.stop("archy-web.service");
    let found = world.podman.networks.get_mut("archy-web").unwrap();
    found.isolated = false;
    found.containers.insert(text("theirs"));
    check_step(world, network(), Some(Rule::StopsForAReason));
    let found = world.podman.networks.get_mut("archy-web").unwrap();
    found.containers.clear();
    found.owner = None;
    check_step(world, network(), Some(Rule::Ours));
    let plan = world.plan();
    let action = of_app("other", network());
    let refused = guard::check(&world.desired(), &seen(world), &plan, &action);
    assert_eq!(refused.map_err(|refused| refused.rule()), Err(Rule::Ours));
}

#[test]
fn data_go_only_when_that_was_asked_for() {
    let image = || AppStep::RemoveImage(text("localhost/archy-web:1"));
    let world = &mut World::converged();
    world
        .podman
        .images
        .insert(text("localhost/archy-web:1"), Some(id("web")));
    check_step(world, AppStep::RemoveData, Some(Rule::DataKept));
    world.intend("web", WantedState::Removed, false);
    check_step(world, AppStep::RemoveData, Some(Rule::DataKept));
    check_step(world, image(), Some(Rule::DataKept));
    world.intend("web", WantedState::Removed, true);
    check_step(world, AppStep::RemoveData, None);
    check_step(world, image(), None);
    let pulled = AppStep::RemoveImage(text("docker.io/library/web:1"));
    check_step(world, pulled, Some(Rule::Ours));
    // Another app still needs it.
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    check_step(world, AppStep::RemoveData, Some(Rule::DataKept));
    check_step(world, image(), Some(Rule::DataKept));
}

#[test]
fn an_app_is_forgotten_last() {
    let world = &mut World::converged();
    check_step(world, AppStep::Forget, Some(Rule::DataKept));
    world.intend("web", WantedState::Removed, false);
    check_step(world, AppStep::Forget, Some(Rule::ForgottenLast));
    let units = std::mem::take(&mut world.host.unit_files);
    check_step(world, AppStep::Forget, Some(Rule::ForgottenLast));
    let generated = std::mem::take(&mut world.generated);
    check_step(world, AppStep::Forget, Some(Rule::ForgottenLast));
    let podman = std::mem::take(&mut world.podman);
    check_step(world, AppStep::Forget, None);
    let unasked = world.host.clone();
    check_seen(world, &unasked, AppStep::Forget, Some(Rule::ForgottenLast));
    world.podman = podman;
    check_step(world, AppStep::Forget, Some(Rule::ForgottenLast));
    world.podman = PodmanView::default();
    world.host.unit_files = units;
    check_step(world, AppStep::Forget, Some(Rule::ForgottenLast));
    world.host.unit_files.clear();
    world.generated = generated;
    check_step(world, AppStep::Forget, Some(Rule::ForgottenLast));
}

#[test]
fn what_touches_nothing_of_any_app_may_be_done_for_the_host() {
    let world = &mut World::converged();
    let observed = seen(world);
    for step in [
        HostStep::Reload,
        HostStep::RestartPodmanSocket,
        HostStep::Remember(Memory::default()),
        HostStep::CheckUnits {
            units: BTreeMap::new(),
            required: BTreeSet::new(),
        },
    ] {
        assert_eq!(judged(world, &observed, &of_host(step)), Ok(()));
    }
}

#[test]
fn a_refusal_says_what_was_to_be_done_and_why_it_was_not() {
    for (step, expected) in [
        (
            AppStep::Stop(text("archy-web.service")),
            "archy-web.service: it runs as it should",
        ),
        (
            AppStep::Stop(text("x.service")),
            "x.service: it is not this app's",
        ),
        (
            AppStep::Start(text("x.service")),
            "x.service: it differs from what should be there",
        ),
        (AppStep::RemoveData, "web: nobody asked to remove it"),
        (
            AppStep::GenerateSecret {
                name: text("token"),
                recipe: Recipe::Random,
            },
            "token: there is a secret already",
        ),
    ] {
        let world = &mut World::converged();
        let observed = seen(world);
        let refused = judged(world, &observed, &of_app("web", step)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "Archipelago refused a step of its own plan: {expected}. Nothing was done. Please report this defect of Archipelago."
            )
        );
    }
    let world = &mut World::converged();
    world.intend("web", WantedState::Removed, false);
    let observed = seen(world);
    let refused = judged(world, &observed, &of_app("web", AppStep::Forget)).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("web: something of the app is still there")
    );
}

/// The guard stands between every plan and the host, and what it refuses is reported like a
/// failure.
#[test]
fn a_step_that_breaks_a_rule_is_never_handed_out() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    let mut plan = world.plan();
    let wrong = of_app("top", AppStep::RemoveData);
    plan.actions.insert(0, wrong);
    let (desired, observed) = (world.desired(), world.observe());
    let scene = Scene {
        desired: &desired,
        observed: &observed,
        plan: &plan,
    };
    let mut run = Run::default();
    while let Some(action) = run.next_action(scene) {
        assert_ne!(action.app(), Some(&id("top")), "{action:?}");
        run.went(&plan, Outcome::Done);
    }
    assert_eq!(run.outcomes().len(), plan.actions.len());
    let Outcome::Failed(cause) = &run.outcomes()[0] else {
        panic!("{:?}", run.outcomes());
    };
    assert_eq!(cause.kind(), "defect", "{cause}");
    assert!(
        cause.to_string().contains("nobody asked to remove it"),
        "{cause}"
    );
    // At the end there is nothing left that could go one way or the other.
    run.went(&plan, Outcome::Failed(Cause::File(text("too late"))));
    assert_eq!(run.outcomes().len(), plan.actions.len());
}
