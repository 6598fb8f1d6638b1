//! The containers that run on this host, with the folders that they mount.

use std::path::Path;

use archipelago_core::import::RunningContainer;

use crate::disk;
use crate::podman::Podman;

const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// The containers that run, as far as this user can see.
#[derive(Clone, Debug, Default)]
pub struct Containers {
    pub running: Vec<RunningContainer>,
    /// Docker is there and does not answer this user.
    pub docker_unseen: bool,
}

/// Asks this user's Podman, and Docker where its socket is.
pub async fn running() -> Containers {
    let mut all = Containers::default();
    // Podman has answered already when the installation was judged.
    let podman = Podman::for_this_user().running("podman").await;
    all.running.extend(podman.unwrap_or_default());
    if disk::may_exist(Path::new(DOCKER_SOCKET)) {
        match Podman::at(DOCKER_SOCKET.into()).running("docker").await {
            Ok(docker) => all.running.extend(docker),
            Err(_) => all.docker_unseen = true,
        }
    }
    all
}
