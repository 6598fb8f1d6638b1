//! Fuzz targets: each gives any input to a part of the product and panics when a rule is broken.
//! `cargo xtask fuzz` searches for such an input, led by the code that the inputs reach. The inputs
//! that it keeps are in `corpus/`; an ordinary test runs all of them.

mod app;
pub mod corpus;
mod dotenv;
mod interpolation;
mod read_back;
mod reader;
mod renderer;
mod separator;
mod shape;

/// A part of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Compose files into the Compose model.
    Reader,
    /// Variables in a text.
    Interpolation,
    /// Files of variables.
    Dotenv,
    /// Units into the bytes of their files.
    Renderer,
    /// A Compose file into an app that would be installed: its units, rights and needs.
    App,
}

impl Target {
    pub const ALL: [Self; 5] = [
        Self::Reader,
        Self::Interpolation,
        Self::Dotenv,
        Self::Renderer,
        Self::App,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Interpolation => "interpolation",
            Self::Dotenv => "dotenv",
            Self::Renderer => "renderer",
            Self::App => "app",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// Runs an input. Bytes that are no text are left to the tests of the file reader.
    ///
    /// # Panics
    /// When a rule is broken.
    pub fn run(self, input: &[u8]) {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        match self {
            Self::Reader => reader::run(text),
            Self::Interpolation => interpolation::run(text),
            Self::Dotenv => dotenv::run(text),
            Self::Renderer => renderer::run(text),
            Self::App => app::run(text),
        }
    }
}
