//! Lingering: whether a user's services run without a login, kept by logind:
//! `org.freedesktop.login1(5)`.

use zbus::Proxy;

use super::{Error, is, system};

/// Whether the user's services start at boot and outlive the last logout. A user that logind does
/// not know has neither a session nor lingering.
pub async fn linger(uid: u32) -> Result<bool, Error> {
    let user = logind(
        format!("/org/freedesktop/login1/user/_{uid}"),
        "org.freedesktop.login1.User",
    )
    .await
    .map_err(Error::Logind)?;
    match user.get_property("Linger").await {
        Ok(linger) => Ok(linger),
        Err(source) if is(&source, "org.freedesktop.DBus.Error.UnknownObject") => Ok(false),
        Err(source) => Err(Error::Logind(source)),
    }
}

/// Turns lingering on or off. Users may as a rule do it for themselves from a login session
/// (polkit's `org.freedesktop.login1.set-self-linger`); where they may not, the error has the
/// command for an administrator.
pub async fn set_linger(uid: u32, on: bool) -> Result<(), Error> {
    let manager = logind(
        "/org/freedesktop/login1".to_owned(),
        "org.freedesktop.login1.Manager",
    )
    .await
    .map_err(Error::Logind)?;
    // Not interactive: nobody is there to answer polkit's question for a password.
    let interactive = false;
    manager
        .call("SetUserLinger", &(uid, on, interactive))
        .await
        .map_err(|source| Error::Linger { uid, source })
}

/// Two calls do not warrant the 100 typed ones of `zbus_systemd`'s login1.
async fn logind(path: String, interface: &'static str) -> zbus::Result<Proxy<'static>> {
    system("org.freedesktop.login1", path, interface).await
}
