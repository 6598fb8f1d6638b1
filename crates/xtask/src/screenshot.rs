//! `cargo xtask screenshot`: takes the README's pictures of the real pages with a real browser.

use std::path::Path;

use anyhow::{Context, Result, bail};
use testhost::{Host, prerequisites};

use crate::{demo, demo_bitcoin};

/// A page, and the name of its pictures.
struct Page {
    host: &'static str,
    port: u16,
    name: &'static str,
}

const PAGES: [Page; 4] = [
    Page {
        host: demo::HOST,
        port: demo::PORT,
        name: "litecoin-ui",
    },
    Page {
        host: demo_bitcoin::HOST,
        port: 8441,
        name: "bitcoin-ui",
    },
    Page {
        host: demo_bitcoin::HOST,
        port: 8444,
        name: "electrs-ui",
    },
    Page {
        host: demo_bitcoin::HOST,
        port: 8443,
        name: "lnd-ui",
    },
];

/// The suffix of a picture's name, and the size of the window.
const SIZES: [(&str, &str); 2] = [("", "1200,860"), ("-phone", "390,844")];

pub(crate) fn run() -> Result<()> {
    prerequisites::ensure()?;
    prerequisites::ensure_commands(&[("chromium", "chromium")])?;
    let hosts = testhost::list()?;
    let mut taken = 0;
    for Page { host, port, name } in PAGES {
        if !hosts.iter().any(|listed| listed.name == host) {
            continue;
        }
        let host = Host::open(host)?;
        for (suffix, size) in SIZES {
            let picture = format!("docs/images/{name}{suffix}.png");
            take(&host, port, Path::new(&picture), size)?;
            println!("{picture}");
            taken += 1;
        }
    }
    if taken == 0 {
        bail!(
            "the pictures show the demos, and no demo is up: run cargo xtask demo or cargo xtask demo bitcoin first"
        );
    }
    Ok(())
}

fn take(host: &Host, port: u16, picture: &Path, size: &str) -> Result<()> {
    let folder = picture.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let profile = std::env::temp_dir().join(format!("archipelago-browser-{}", std::process::id()));
    // Virtual time lets the page fetch and draw before the picture is taken, without a fixed wait.
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
        .arg(format!("http://127.0.0.1:{port}/"))
        .stderr(std::process::Stdio::null())
        .status()
        .context("starting chromium")?;
    // The browser's profile is temporary. If it cannot be removed, it stays in the folder for
    // temporary files.
    let _ = std::fs::remove_dir_all(&profile);
    if !status.success() || !picture.exists() {
        bail!("chromium took no picture: {status}");
    }
    Ok(())
}
