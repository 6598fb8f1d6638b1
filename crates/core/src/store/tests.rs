mod existing;
mod exports;
mod hooks;
mod nodes;

use std::collections::BTreeMap;

use super::*;
use crate::manifest::{
    COMPOSE_FILE, Manifest, Mount, MountSource, Recipe, Schema, SettingValue, Settings,
};

const UMBREL_APP: &str = "id: notes
name: Notes\u{1b}[2J
version: '1.2'
tagline: Keeps notes
category: files
port: 4010
path: /start
dependencies: [lightning]
deterministicPassword: true
defaultUsername: admin
";

const UMBREL_COMPOSE: &str = "version: '3.7'
services:
  app_proxy:
    environment: {APP_HOST: notes_web_1, APP_PORT: 80}
  web:
    image: docker.io/library/a:1
    user: '1000:1000'
    environment:
      SEED: $APP_SEED
      DATABASE: 'db://u:${APP_PASSWORD}@notes_db_1/x'
      NAME: ${DEVICE_DOMAIN_NAME}
      LEVEL: ${LOG_LEVEL:-info}
    volumes: ['${APP_DATA_DIR}/data:/data', '${UMBREL_ROOT}/data/storage/music:/music:ro']
  db:
    image: docker.io/library/b:1
    environment: ['PASSWORD=${APP_PASSWORD}']
    volumes: ['${APP_DATA_DIR}/db:/db']
";

const CASAOS: &str = "name: big-friends
services:
  app:
    image: docker.io/library/a:2.5
    network_mode: bridge
    ports: ['8000:80', '53:53/udp']
    environment: ['URL=http://[CHANGE_TO_LAN_IP]:8000', 'ID=$PUID', 'ZONE=$TZ']
    volumes: ['/DATA/AppData/$AppID/config:/config', '/DATA/Media:/media:ro']
x-casaos:
  main: app
  port_map: '8000'
  architectures: [amd64]
  title: {en_us: Friends}
  tagline: {en_us: 'Costs $5'}
  tips: {before_install: {en_us: Read this}}
";

fn files(pairs: &[(&str, &str)]) -> Files {
    let pair = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec().into());
    pairs.iter().map(pair).collect()
}

fn umbrel(compose: &str) -> Files {
    files(&[
        ("umbrel-app.yml", UMBREL_APP),
        ("docker-compose.yml", compose),
        ("exports.sh", "rm -rf /"),
        ("data/.gitkeep", ""),
    ])
}

fn surroundings(scripts: Scripts) -> Surroundings {
    let node = NodeFacts {
        host_name: "box".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        architecture: "amd64".to_owned(),
        shared_folder: "/home/a/shared".to_owned(),
    };
    Surroundings {
        node,
        neighbours: BTreeMap::new(),
        scripts,
    }
}

fn of_folder(id: &str, files: &Files) -> Result<Translated, Error> {
    let app = AppId::parse(id).unwrap();
    translate("s/x", &app, files, &surroundings(Scripts::Run))
}

fn read(files: &Files, given: &[(&str, &str)]) -> Manifest {
    let text = files[COMPOSE_FILE].text().unwrap();
    let schema = Schema::read("compose.yaml", text, "x").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let given: BTreeMap<String, SettingValue> = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), SettingValue::Text((*value).to_owned())))
        .collect();
    let settings = Settings::settle("x", &schema.extension.settings, &given).unwrap();
    let manifest = schema.manifest(&settings, files);
    manifest.unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn sources(mounts: &[Mount]) -> Vec<&MountSource> {
    mounts.iter().map(|mount| &mount.source).collect()
}

#[test]
fn an_app_of_umbrel_becomes_a_definition() {
    let translated = of_folder("notes", &umbrel(UMBREL_COMPOSE)).unwrap();
    let manifest = read(&translated.files, &[]);
    let extension = &manifest.extension;
    assert_eq!(extension.title, "Notes\u{fffd}[2J");
    assert_eq!(extension.version, "1.2");
    let required: Vec<&str> = extension.requires.apps.iter().map(AppId::as_str).collect();
    assert_eq!(required, ["lnd"]);
    let names: Vec<&str> = manifest.services.keys().map(String::as_str).collect();
    assert_eq!(names, ["db", "web"]);
    let web = &manifest.services["web"];
    let port = &web.ports[0];
    assert_eq!(port.address.unwrap().to_string(), "127.0.0.1");
    assert_eq!((port.host, port.container), (4010, 80));
    assert_eq!(extension.urls[0].path, "/start");
    assert!(web.networks["default"].aliases.contains("notes_web_1"));
    assert_eq!(
        sources(&web.mounts),
        [
            &MountSource::Data("data".to_owned()),
            &MountSource::Host("/home/a/shared/music".to_owned())
        ]
    );
    // Umbrel's folders belong to its user, whatever the image runs as.
    let owner = |name: &str| {
        manifest.services[name]
            .owner()
            .map(|owner| owner.to_string())
    };
    assert_eq!(owner("web").as_deref(), Some("1000:1000"));
    assert_eq!(owner("db").as_deref(), Some("1000:1000"));
    assert_eq!(web.environment["NAME"], "box.local");
    assert_eq!(web.environment["LEVEL"], "info");
    // Nothing of the seed or the password is in the environment.
    assert!(!web.environment.contains_key("SEED") && !web.environment.contains_key("DATABASE"));
    assert_eq!(web.environment_secrets["SEED"], "app_seed");
    let db = &manifest.services["db"];
    assert_eq!(db.environment_secrets["PASSWORD"], "app_password");
    let joint = &extension.secrets[&web.environment_secrets["DATABASE"]];
    let Some(Recipe::Seeded(parts)) = joint.recipe() else {
        panic!("{joint:?}");
    };
    let seed = crate::seed::NodeSeed::from_random([1; 32]);
    let text = seed.secret(&AppId::parse("notes").unwrap(), parts);
    let Some(Recipe::Seeded(password)) = extension.secrets["app_password"].recipe() else {
        panic!("the password is made of the seed");
    };
    let password = seed.secret(&AppId::parse("notes").unwrap(), password);
    assert_eq!(text, format!("db://u:{password}@notes_db_1/x"));
    let notices = &translated.notices;
    assert!(notices.contains(&Notice::Shell(vec!["exports.sh".to_owned()])));
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::Login(login) if login.password.is_none()))
    );
    assert!(!translated.files.contains_key("data/.gitkeep"));
}

#[test]
fn an_app_of_umbrel_is_refused_with_its_reason() {
    for (from, to, expected) in [
        (
            "    user: '1000:1000'\n",
            "    command: run --password=$APP_PASSWORD\n",
            "s/x/docker-compose.yml:7:14: services.web.command: a password stands outside of `environment`, where other programs of this host could read it; the app must be changed to read it from a variable",
        ),
        (
            "${LOG_LEVEL:-info}",
            "${APP_OTHER_IP}",
            "s/x/docker-compose.yml: it needs APP_OTHER_IP, which only scripts of Umbrel's apps set; of these, exports.sh is read where it does nothing but set variables",
        ),
        (
            "/data/storage/music",
            "/app-data/lightning",
            "s/x/docker-compose.yml:13:45: it mounts a part of Umbrel's own folder, which is not there; ask the store's authors for another way",
        ),
        (
            "services:\n",
            "x-archipelago: {id: bitcoin}\nservices:\n",
            "s/x/docker-compose.yml: `x-archipelago` has no place in an app of this format, because Archipelago writes it; ask the store's authors",
        ),
    ] {
        let error = of_folder("notes", &umbrel(&UMBREL_COMPOSE.replacen(from, to, 1)));
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_app_of_casaos_becomes_a_definition() {
    let translated = of_folder("friends", &files(&[("docker-compose.yml", CASAOS)])).unwrap();
    let manifest = read(&translated.files, &[("CHANGE_TO_LAN_IP", "10.0.0.5")]);
    let app = &manifest.services["app"];
    assert_eq!(manifest.extension.title, "Friends");
    assert_eq!(manifest.extension.description, "Costs $5");
    assert_eq!(manifest.extension.version, "2.5");
    assert_eq!(app.environment["URL"], "http://10.0.0.5:8000");
    assert_eq!(app.environment["ID"], "1000");
    assert_eq!(app.environment["ZONE"], "Europe/Berlin");
    assert_eq!(
        sources(&app.mounts),
        [
            &MountSource::Data("config".to_owned()),
            &MountSource::Host("/home/a/shared/Media".to_owned())
        ]
    );
    let owner = app.owner().map(|owner| owner.to_string());
    assert_eq!(owner.as_deref(), Some("1000:1000"));
    let ports: Vec<(u16, u16)> = app.ports.iter().map(|p| (p.host, p.container)).collect();
    assert_eq!(ports, [(8000, 80), (53, 53)]);
    assert_eq!(manifest.extension.urls[0].port, 80);
    assert_eq!(translated.notices, [Notice::Tips("Read this".to_owned())]);
    let other = CASAOS.replace("[amd64]", "[arm64]");
    let refused = of_folder("x", &files(&[("compose.yaml", &other)]));
    assert!(matches!(refused, Err(Error::Architecture { .. })));
}

#[test]
fn variables_of_a_plain_file_become_settings() {
    let compose = "services: {web: {image: 'docker.io/library/a:${TAG:-1}', environment: {A: '${KEY:?say it}', B: '$EMPTY'}}}\n";
    let all = files(&[("compose.yml", compose), (".env", "EMPTY=not\n")]);
    let translated = of_folder("plain", &all).unwrap();
    let manifest = read(&translated.files, &[("KEY", "k")]);
    let web = &manifest.services["web"];
    assert_eq!(
        (&*web.environment["A"], &*web.environment["B"]),
        ("k", "not")
    );
    assert_eq!(manifest.settings.0.len(), 3);
}

#[test]
fn an_app_for_archipelago_stays_as_it_is_and_keeps_its_id() {
    let compose = "services: {web: {image: a}}\nx-archipelago: {id: own}\n";
    let all = files(&[("compose.yaml", compose)]);
    assert_eq!(of_folder("own", &all).unwrap().files, all);
    assert!(matches!(
        of_folder("other", &all),
        Err(Error::OtherId { .. })
    ));
}

#[test]
fn the_closest_app_comes_first() {
    let entry = |app: &str, title: &str, description: &str| {
        let app = AppId::parse(app).unwrap();
        let mut entry = Entry::unreadable(app, "f", "");
        title.clone_into(&mut entry.title);
        description.clone_into(&mut entry.description);
        entry
    };
    let all = [
        entry("a", "A", "reads your notes"),
        entry("note-book", "B", "x"),
        entry("notes", "C", "x"),
        entry("d", "D", "x"),
    ];
    let found = search(
        all.iter().map(|e| (e.app.as_str(), e)),
        &["Note".to_owned()],
    );
    assert_eq!(found, ["note-book", "notes", "a"]);
    let words = ["reads", "notes"].map(str::to_owned);
    assert_eq!(
        search(all.iter().map(|e| (e.app.as_str(), e)), &words),
        ["a"]
    );
}
