//! Reads open pages in a real browser, headless, in the host's network.
//!
//! Chromium is driven over its DevTools protocol, through a pair of pipes: JSON with a zero byte
//! after each message.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::node::{Node, text};

/// The browser ends when this value is dropped.
pub(crate) struct Browser {
    chromium: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    calls: u64,
    /// Every answer to the pages: the address and the status, 0 for a failed request.
    answered: Vec<(String, u64)>,
    complaints: Vec<String>,
    profile: PathBuf,
}

/// An open page.
#[derive(Clone, Debug)]
pub(crate) struct Page(String);

impl Browser {
    pub(crate) fn start(node: &Node) -> Self {
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(node.0.name());
        // Chromium reads from file descriptor 3 and writes to 4. It ends when the pipes are closed.
        let mut chromium = node
            .0
            .network_command("bash")
            .expect("a command in the host's network")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 0</dev/null 1>&2"#, "bash"])
            .args(["chromium", "--headless", "--no-sandbox", "--disable-gpu"])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium");
        Self {
            to: chromium.stdin.take(),
            from: BufReader::new(chromium.stdout.take().expect("a pipe")),
            chromium,
            calls: 0,
            answered: Vec::new(),
            complaints: Vec::new(),
            profile,
        }
    }

    pub(crate) fn open(&mut self, url: &str) -> Page {
        // Pages in one window hide each other, and a hidden page sends no requests.
        let create = json!({"url": "about:blank", "newWindow": true});
        let target = self.call(None, "Target.createTarget", create);
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call(None, "Target.attachToTarget", attach);
        let page = Page(text(&attached["sessionId"]));
        for domain in ["Network", "Log", "Runtime"] {
            self.call(Some(&page), &format!("{domain}.enable"), json!({}));
        }
        self.call(Some(&page), "Page.navigate", json!({"url": url}));
        page
    }

    /// The answers to the pages so far, by address and status, and the browser's complaints about
    /// the pages.
    pub(crate) fn observed(&self) -> (&[(String, u64)], &[String]) {
        (&self.answered, &self.complaints)
    }

    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str() {
            Some("Network.responseReceived") => {
                let response = &params["response"];
                let status = response["status"].as_u64().expect("a status");
                self.answered.push((text(&response["url"]), status));
            }
            Some("Network.loadingFailed") => {
                self.answered.push((text(&params["errorText"]), 0));
            }
            Some("Log.entryAdded" | "Runtime.exceptionThrown") => {
                self.complaints.push(params.to_string());
            }
            _ => {}
        }
    }

    /// The present text of an element; `None` while the page has no such element.
    pub(crate) fn read(&mut self, page: &Page, id: &str) -> Option<String> {
        let expression = format!("document.getElementById({id:?})?.innerText");
        let evaluated = self.call(
            Some(page),
            "Runtime.evaluate",
            json!({"expression": expression}),
        );
        evaluated["result"]["value"].as_str().map(str::to_owned)
    }

    fn call(&mut self, page: Option<&Page>, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if let Some(Page(session)) = page {
            call["sessionId"] = json!(session);
        }
        let to = self.to.as_mut().expect("open until it is dropped");
        to.write_all(format!("{call}\0").as_bytes())
            .expect("chromium listens");
        loop {
            let mut message = Vec::new();
            self.from
                .read_until(0, &mut message)
                .expect("a message of chromium");
            assert_eq!(message.pop(), Some(0), "chromium ended at {method}");
            let message: Value = serde_json::from_slice(&message).expect("JSON");
            // An event has no number.
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.to.take());
        let ended = self.chromium.wait();
        let deleted = std::fs::remove_dir_all(&self.profile);
        if !std::thread::panicking() {
            ended.expect("chromium ends");
            deleted.expect("the browser's profile is deleted");
        }
    }
}
