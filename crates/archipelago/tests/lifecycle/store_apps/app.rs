//! An app of a store, as a test declares it.

/// An app, and what is to be expected of it.
pub(super) struct StoreApp {
    pub(super) id: &'static str,
    /// The port of its page on the host.
    pub(super) port: u16,
    /// The options that its installation needs.
    pub(super) options: &'static str,
    /// The text of its page, with `N` for the number of starts.
    pub(super) page: &'static str,
    pub(super) images: &'static [Image],
    /// The path in its folder, and the text.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// The behaviour of an image's stand-in.
pub(super) struct Image {
    pub(super) name: &'static str,
    /// The port on which it listens.
    pub(super) port: u16,
    /// The folders in which it keeps data.
    pub(super) data: &'static str,
    /// The services that it asks, as `NAME:PORT`.
    pub(super) peers: &'static str,
    /// The user that it runs as unless a Compose file says another.
    pub(super) user: u32,
}

/// In the order of the fields.
pub(super) const fn image(
    name: &'static str,
    port: u16,
    data: &'static str,
    peers: &'static str,
    user: u32,
) -> Image {
    Image {
        name,
        port,
        data,
        peers,
        user,
    }
}
