//! `cargo xtask screenshot`: the pictures in the README, taken of the real pages by a real browser.

use std::path::Path;

use anyhow::{Context, Result, bail};
use testhost::{Host, prerequisites};

use crate::demo;

/// Where the pictures go, and the size of the window.
const PICTURES: [(&str, &str); 2] = [
    ("docs/images/litecoin-ui.png", "1200,1180"),
    ("docs/images/litecoin-ui-phone.png", "390,844"),
];

pub(crate) fn run() -> Result<()> {
    prerequisites::ensure()?;
    prerequisites::ensure_commands(&[("chromium", "chromium")])?;
    if !testhost::list()?
        .iter()
        .any(|listed| listed.name == demo::HOST)
    {
        bail!("the pictures are of the demo's host, and it is not up: run cargo xtask demo first");
    }
    let host = Host::open(demo::HOST)?;
    for (picture, size) in PICTURES {
        take(&host, Path::new(picture), size)?;
        println!("{picture}");
    }
    Ok(())
}

fn take(host: &Host, picture: &Path, size: &str) -> Result<()> {
    let folder = picture.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let profile = std::env::temp_dir().join(format!("archipelago-browser-{}", std::process::id()));
    // Virtual time lets the page fetch and draw before the picture is taken, without waiting for a fixed while.
    let status = host
        .network_command("chromium")?
        .args([
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--disable-gpu",
            "--virtual-time-budget=8000",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={size}"))
        .arg(format!(
            "--screenshot={}",
            std::path::absolute(picture)?.display()
        ))
        .arg(format!("http://127.0.0.1:{}/", demo::PORT))
        .stderr(std::process::Stdio::null())
        .status()
        .context("starting chromium")?;
    // The browser's own leavings; should they stay, they stay in the folder for temporary files.
    let _ = std::fs::remove_dir_all(&profile);
    if !status.success() || !picture.exists() {
        bail!("chromium took no picture: {status}");
    }
    Ok(())
}
