//! Apps in the folders of the systems that run them.

use std::collections::{BTreeMap, BTreeSet};

use super::{UMBREL_APP, files};
use crate::file::Files;
use crate::import::System;
use crate::name::AppId;
use crate::store::*;

fn names(system: System, folder: &str, files: &Files) -> (String, Vec<(String, String)>) {
    let found = existing(system, folder, files, &BTreeMap::new()).expect("an app");
    (found.name, found.volumes.into_iter().collect())
}

#[test]
fn an_app_has_the_names_that_its_system_gives_it() {
    const VOLUMES: &str = "volumes: {db: , cache: {name: '${PREFIX}-cache'}}\n";
    let check = |system, folder: &str, pairs: &[(&str, &str)], name: &str, volumes: [&str; 2]| {
        let (found, of_engine) = names(system, folder, &files(pairs));
        assert_eq!(found, name);
        let of_engine: Vec<&str> = of_engine.iter().map(|(_, full)| full.as_str()).collect();
        assert_eq!(of_engine, volumes, "{folder}");
    };
    check(
        System::Compose,
        "/home/a/My Blog.2",
        &[("compose.yaml", VOLUMES), (".env", "PREFIX=p\n")],
        "myblog2",
        ["p-cache", "myblog2_db"],
    );
    check(
        System::Compose,
        "/home/a/blog",
        &[
            ("compose.yaml", VOLUMES),
            (".env", "COMPOSE_PROJECT_NAME=site\n"),
        ],
        "site",
        ["-cache", "site_db"],
    );
    let named = format!("name: shop\n{VOLUMES}");
    check(
        System::CasaOs,
        "/var/lib/casaos/apps/shop",
        &[("docker-compose.yml", &named)],
        "shop",
        ["-cache", "shop_db"],
    );
    check(
        System::Umbrel,
        "/u/app-data/other",
        &[
            ("docker-compose.yml", VOLUMES),
            ("umbrel-app.yml", UMBREL_APP),
        ],
        "notes",
        ["-cache", "notes_db"],
    );
    let error = existing(
        System::Umbrel,
        "/u/x",
        &files(&[("docker-compose.yml", "")]),
        &BTreeMap::new(),
    );
    assert_eq!(
        error.map_err(|error| error.to_string()),
        Err("/u/x has no umbrel-app.yml, so it is not the folder of an app of Umbrel".to_owned())
    );
}

#[test]
fn the_data_in_a_folder_are_what_is_mounted_of_it() {
    let compose = "services:
  web:
    volumes:
      - ${APP_DATA_DIR}/data/web/:/web
      - $APP_DATA_DIR/conf.yml:/conf.yml:ro
      - ${MEDIA:-./media}:/media
      - db:/db
      - /srv:/srv
      - ../beside:/x
      - {type: bind, source: ./long, target: /long}
volumes:
  db: {driver_opts: {type: none, o: bind, device: ./volume}}
";
    let pairs = [
        ("docker-compose.yml", compose),
        ("umbrel-app.yml", UMBREL_APP),
    ];
    let found = |given: &[(&str, &str)]| {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        mounted_folders(System::Umbrel, "/u", &files(&pairs), &given.collect()).expect("folders")
    };
    let set = |paths: &[&str]| -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    };
    assert_eq!(
        found(&[]),
        set(&["conf.yml", "data/web", "long", "media", "volume"])
    );
    assert_eq!(
        found(&[("MEDIA", "./films")]),
        set(&["conf.yml", "data/web", "films", "long", "volume"])
    );
}

fn translated(system: System, pairs: &[(&str, &str)]) -> Translated {
    let node = NodeFacts {
        host_name: "box".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        architecture: "amd64".to_owned(),
        shared_folder: "/home/a/shared".to_owned(),
    };
    let app = AppId::parse("mine").expect("an id");
    let surroundings = Surroundings {
        node,
        neighbours: BTreeMap::new(),
        scripts: Scripts::Run,
    };
    translate_existing(system, "/x", &app, &files(pairs), &surroundings).expect("an app")
}

#[test]
fn the_folders_of_casaos_are_where_its_compose_file_says() {
    // CasaOS keeps the file without variables; a custom app has no `x-casaos`.
    let compose = "name: big-album
services:
  app:
    image: a:1
    volumes: ['/DATA/AppData/big-album/data:/data', '/DATA/AppData/$AppID/other:/o', '/DATA/AppData/config:/c', '/DATA/Media:/m']
";
    let pairs = [("docker-compose.yml", compose)];
    let found = existing(System::CasaOs, "/x", &files(&pairs), &BTreeMap::new()).expect("an app");
    let data = translated(System::CasaOs, &pairs).data;
    let folders = data.iter().map(|(path, theirs)| {
        let folder = found.folder(path, theirs).expect("one folder");
        format!("{path} {folder}")
    });
    assert_eq!(
        folders.collect::<Vec<_>>(),
        [
            "config /DATA/AppData/config",
            "data /DATA/AppData/big-album/data",
            "other /DATA/AppData/big-album/other",
        ]
    );
    let two = BTreeSet::from(["/DATA/AppData/a".to_owned(), "/DATA/AppData/b".to_owned()]);
    assert!(found.folder("data", &two).is_err());
}

#[test]
fn a_file_that_umbrel_has_changed_is_read_as_before() {
    let compose = "services:
  app_proxy:
    container_name: notes_app_proxy_1
    environment: {APP_HOST: notes_web_1, APP_PORT: 80}
  web:
    container_name: notes_web_1
    image: a:1
    volumes: ['${UMBREL_ROOT}/home/Downloads/x:/d', '${UMBREL_ROOT}/home:/h', '${APP_DATA_DIR}/data:/data']
";
    let all = translated(
        System::Umbrel,
        &[
            ("docker-compose.yml", compose),
            ("umbrel-app.yml", UMBREL_APP),
        ],
    );
    let text = all.files["compose.yaml"].text().expect("text");
    assert!(text.contains("${shared_folder}/downloads/x:/d"), "{text}");
    assert!(text.contains("${shared_folder}:/h"), "{text}");
    let (_, ours) = text
        .split_once("# Written by Archipelago")
        .expect("our document");
    assert!(!ours.contains("UMBREL_ROOT"), "{ours}");
}
