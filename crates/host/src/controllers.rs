//! The controllers of control groups that services of this user have (cgroups(7)).

use std::collections::BTreeSet;

use archipelago_core::needs::Controller;

/// The controllers that the system's systemd delegates to the user's; `None` when the kernel does
/// not say.
#[must_use]
pub(crate) fn delegated() -> Option<BTreeSet<Controller>> {
    let user = rustix::process::getuid().as_raw();
    let path = format!(
        "/sys/fs/cgroup/user.slice/user-{user}.slice/user@{user}.service/cgroup.controllers"
    );
    let text = std::fs::read_to_string(path).ok()?;
    Some(known(&text))
}

fn known(text: &str) -> BTreeSet<Controller> {
    let names: BTreeSet<&str> = text.split_whitespace().collect();
    let all = Controller::ALL.into_iter();
    all.filter(|controller| names.contains(controller.name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_known_by_the_kernels_names() {
        let expected = BTreeSet::from([Controller::Cpu, Controller::Memory, Controller::Pids]);
        assert_eq!(known("cpu hugetlb memory pids misc\n"), expected);
        assert_eq!(known("\n"), BTreeSet::new());
    }
}
