//! Ten apps in the formats of Umbrel and CasaOS, on one host. Their definitions are modelled on
//! apps of the real stores; images of the same names stand in for the real ones.

mod app;
mod casaos;
mod umbrel;

use crate::apps::App;
use crate::node::{CONFIG, DATA, Node, UNITS, text};

use app::StoreApp;

/// The stores and their apps.
const STORES: [(&str, [StoreApp; 5]); 2] = [("umbrel", umbrel::APPS), ("casaos", casaos::APPS)];

/// All apps, each with its store.
fn apps() -> impl Iterator<Item = (&'static str, StoreApp)> {
    let stores = STORES.into_iter();
    stores.flat_map(|(store, apps)| apps.into_iter().map(move |app| (store, app)))
}

/// The program of all stand-ins. It counts its starts in each of its folders, asks the services
/// that it needs, and serves what it found, as `COUNT… (ANSWER)…`.
const STAND_IN: &str = "#!/bin/sh
set -e
trap 'exit 0' TERM
mkdir -p /tmp/page
for folder in $STAND_IN_DATA; do
    echo start >>$folder/starts
    line=\"$line $(grep -c . $folder/starts)\"
done
for peer in $STAND_IN_PEERS; do
    until answer=$(wget -q -O - http://$peer/); do sleep 0.2; done
    line=\"$line ($answer)\"
done
echo $line >/tmp/page/index.html
httpd -f -p $STAND_IN_PORT -h /tmp/page &
wait
";

/// Stands for the programs with which health checks ask a database.
const IS_READY: &str = "#!/bin/sh
exec wget -q -O /dev/null http://127.0.0.1:$STAND_IN_PORT/
";

/// Builds an image under each name that the apps use.
fn build_images(node: &Node) {
    const FOLDER: &str = "/home/archy/stand-in";
    node.write(&format!("{FOLDER}/stand-in"), STAND_IN);
    for name in ["pg_isready", "redis-cli", "mariadb-admin"] {
        node.write(&format!("{FOLDER}/{name}"), IS_READY);
    }
    let base = "FROM docker.io/library/busybox:stable
COPY stand-in pg_isready redis-cli mariadb-admin /bin/
ENTRYPOINT [\"/bin/stand-in\"]
";
    node.write(&format!("{FOLDER}/Containerfile"), base);
    let mut script = format!("cd {FOLDER}; chmod 755 *; podman build -q -t localhost/stand-in .\n");
    for image in apps().flat_map(|(_, app)| app.images) {
        script.push_str(&format!(
            "printf 'FROM localhost/stand-in\\nENV STAND_IN_PORT={} STAND_IN_DATA=\"{}\" STAND_IN_PEERS=\"{}\"\\nUSER {}\\n' |
             podman build -q -t {} -f - .\n",
            image.port, image.data, image.peers, image.user, image.name
        ));
    }
    node.shell(&script);
}

fn add_stores(node: &Node) {
    for (store, apps) in STORES {
        let files = apps.iter().flat_map(|app| {
            let files = app.files.iter();
            files.map(|(name, text)| (format!("{}/{name}", app.id), (*text).to_owned()))
        });
        let folder = node.put(&App {
            id: store.to_owned(),
            files: files.collect(),
        });
        let added = node.json(&["store", "add", &folder]);
        assert_eq!(added["apps"], 5, "{added}");
    }
}

/// Runs a command for each app, all at once; each must succeed.
fn for_each(node: &Node, command: impl Fn(&str, &StoreApp) -> String) {
    let commands = apps().map(|(store, app)| {
        let id = app.id;
        let command = command(store, &app);
        format!(
            "(archipelago {command} >{id}.out 2>&1 || {{ echo '{command}:'; cat {id}.out; }}) &\n"
        )
    });
    let script = format!(
        "mkdir -p said; cd said\n{}wait",
        commands.collect::<String>()
    );
    assert_eq!(node.shell(&script), "");
}

fn install(node: &Node) {
    for_each(node, |store, app| {
        let StoreApp { id, options, .. } = app;
        format!("install --yes {store}/{id} {options}")
    });
}

/// Each app is ready, and its page tells of this many starts of each service, with the data of all
/// of them.
fn check(node: &Node, starts: u32) {
    let listed = node.json(&["status"]);
    let listed = listed["apps"].as_array().expect("a list");
    let states = listed
        .iter()
        .map(|app| (text(&app["id"]), text(&app["state"])));
    let ready = apps().map(|(_, app)| (app.id.to_owned(), "ready".to_owned()));
    let mut ready: Vec<_> = ready.collect();
    ready.sort();
    assert_eq!(states.collect::<Vec<_>>(), ready);
    let curls = apps().map(|(_, app)| {
        let StoreApp { id, port, .. } = app;
        // Most of these apps have no check of their health: they are ready as soon as they run.
        format!(
            "echo \"{id}: $(timeout 180 sh -c 'until curl -fs http://127.0.0.1:{port}/; do sleep 0.2; done')\"\n"
        )
    });
    let pages = apps().map(|(_, app)| {
        let page = app.page.replace('N', &starts.to_string());
        format!("{}: {page}\n", app.id)
    });
    let found = node.shell(&curls.collect::<String>());
    assert_eq!(found, pages.collect::<String>());
}

/// All of Podman's objects and all units, without images. Podman has a network of its own.
fn objects(node: &Node) -> String {
    node.shell(&format!(
        "podman ps -a --format '{{{{.Names}}}}'
        for kind in network volume secret; do podman $kind ls --format '{{{{.Name}}}}'; done
        ls {UNITS}
        systemctl --user list-units --all --plain --no-legend 'archy-*'"
    ))
}

#[test]
fn ten_apps_of_stores_keep_their_data_and_leave_no_trace() {
    let node = Node::new();
    build_images(&node);
    add_stores(&node);

    install(&node);
    check(&node, 1);
    let secret = |name: &str| node.shell(&format!("cat {DATA}/secrets/{name}"));
    let password = secret("kimai/app_password");
    let given = node.shell(
        "podman exec archy-kimai-app sh -c 'echo $DATABASE_URL'; podman exec archy-kimai-db sh -c 'echo $MYSQL_PASSWORD'",
    );
    let password = password.trim();
    assert_eq!(
        given,
        format!("mysql://kimai:{password}@kimai_db_1/kimai\n{password}\n")
    );
    let address = node.shell("podman exec archy-jellyfin-cache ip -4 addr");
    assert!(address.contains("172.29.7.20/"), "{address}");
    // Both the app, as 1000 in its container, and the person can change the shared folders.
    node.shell("cd shared/downloads; touch mine; rm mine; mv starts moved; mv moved starts; cat starts ../Media/starts");

    for_each(&node, |_, app| format!("restart {}", app.id));
    check(&node, 2);

    for_each(&node, |_, app| format!("uninstall {}", app.id));
    assert_eq!(objects(&node), "podman\n");
    install(&node);
    check(&node, 3);

    for_each(&node, |_, app| format!("uninstall --purge {}", app.id));
    assert_eq!(node.traces("archy-"), Vec::<String>::new());
    let left = node.shell(&format!(
        "for folder in {DATA}/volumes {DATA}/files {DATA}/secrets {CONFIG}/apps {CONFIG}/releases; do
            if [ -e $folder ]; then find $folder -mindepth 1; fi
        done"
    ));
    assert_eq!(left, "");
    // These are the person's.
    assert_eq!(
        node.shell("ls shared; wc -l <shared/Media/starts"),
        "Media\ndownloads\n3\n"
    );
}
