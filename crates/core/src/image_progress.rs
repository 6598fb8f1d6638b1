//! The progress of an image that is not on the node yet.

use std::fmt;

const MB: u64 = 1_000_000;

/// The progress of an image that is being pulled or built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageProgress {
    /// It waits for other images, or for the process that holds its lock.
    Waiting,
    /// Another process pulls or builds it.
    Elsewhere,
    /// Before a build: the base image that it needs.
    FetchingBase(String),
    /// The last line of the build; empty before the first.
    Building(String),
    /// In bytes, as far as the layers are known.
    Pulling { done: u64, total: u64 },
}

impl ImageProgress {
    /// The step without the amount, which changes all the time.
    #[must_use]
    pub fn step(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Elsewhere => "under way",
            Self::FetchingBase(_) => "fetching its base image",
            Self::Building(_) => "building",
            Self::Pulling { .. } => "pulling",
        }
    }
}

impl fmt::Display for ImageProgress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.step())?;
        match self {
            Self::FetchingBase(base) => write!(formatter, " {base}"),
            Self::Building(line) if !line.is_empty() => write!(formatter, ": {line}"),
            Self::Pulling { done, total } if *total > 0 => {
                write!(formatter, ": {} of {} MB", done / MB, total / MB)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_of_an_image_stays_while_its_amount_changes() {
        let pulling = |done, total| ImageProgress::Pulling { done, total };
        for (progress, step, text) in [
            (ImageProgress::Waiting, "waiting", "waiting"),
            (pulling(0, 0), "pulling", "pulling"),
            (
                pulling(3_900_000, 9_000_000),
                "pulling",
                "pulling: 3 of 9 MB",
            ),
            (
                ImageProgress::FetchingBase("nginx:1".to_owned()),
                "fetching its base image",
                "fetching its base image nginx:1",
            ),
            (
                ImageProgress::Building(String::new()),
                "building",
                "building",
            ),
            (
                ImageProgress::Building("STEP 2/3: RUN x".to_owned()),
                "building",
                "building: STEP 2/3: RUN x",
            ),
        ] {
            assert_eq!(
                (progress.step(), progress.to_string().as_str()),
                (step, text)
            );
        }
    }
}
