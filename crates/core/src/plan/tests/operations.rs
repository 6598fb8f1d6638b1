//! Actions and the operations for whose sake they may be done.

use std::time::Duration;

use super::world::*;
use crate::action::Action;
use crate::manifest::COMPOSE_FILE;
use crate::operation::OperationId;

#[test]
fn an_action_names_the_operation_that_is_under_way_for_its_app_and_for_no_other() {
    let operation = OperationId::new(Duration::from_secs(1), 7);
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.inputs.found.operations.insert(id("top"), operation);
    world.stop("archy-web.service");
    let plan = world.plan();
    let of = |app: &str| {
        let actions = plan.actions.iter();
        let app = id(app);
        let actions = actions.filter(|action| action.app() == Some(&app));
        let operations: Vec<_> = actions.map(Action::operation).collect();
        assert!(!operations.is_empty());
        operations
    };
    assert!(of("top").iter().all(|found| *found == Some(operation)));
    assert!(of("web").iter().all(Option::is_none));
}
