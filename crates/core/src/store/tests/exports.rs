//! The variables that `exports.sh` of Umbrel's apps set.

use super::*;

/// An app whose service has these lines.
fn app(exports: &str, dependencies: &str, service: &str) -> Files {
    let about = format!("id: maps\nname: Maps\nport: 4030\ndependencies: [{dependencies}]\n");
    let compose = format!("services:\n  web:\n    image: docker.io/library/a:1\n    {service}\n");
    files(&[
        ("umbrel-app.yml", &about),
        ("docker-compose.yml", &compose),
        ("exports.sh", exports),
    ])
}

fn environment(exports: &str, value: &str) -> Result<String, Error> {
    let service = format!("environment: {{A: '{value}'}}");
    let translated = of_folder("maps", &app(exports, "", &service))?;
    let manifest = read(&translated.files, &[]);
    Ok(manifest.services["web"].environment["A"].clone())
}

#[test]
fn assignments_are_read() {
    for (exports, expected) in [
        ("export X=1", "1"),
        ("X='a b'\nexport X", "a b"),
        ("# a\n\n  export X=\"a b\" # c", "a b"),
        ("export A=1\nexport X=\"${A}-$A-\\$A\"", "1-1-$A"),
        ("export X=${Y:-d}", "d"),
        (
            "export X=\"http://${DEVICE_DOMAIN_NAME}:80\"",
            "http://box.local:80",
        ),
        ("export X='$A'", "$A"),
        ("mkdir -p \"${EXPORTS_APP_DIR}/data\"\nexport X=a", "a"),
        (
            "chown -R 1000:1000 \"${UMBREL_ROOT}/x\" 2>/dev/null || true\nexport X=a",
            "a",
        ),
        (
            "F=\"${EXPORTS_TOR_DATA_DIR}/x/hostname\"\nexport X=\"$(cat \"${F}\" 2>/dev/null || echo \"notyetset.onion\")\"",
            "notyetset.onion",
        ),
        ("export X=a'b'\"c\"d", "abcd"),
        ("export X=", ""),
    ] {
        assert_eq!(environment(exports, "$X").unwrap(), expected, "{exports}");
    }
}

#[test]
fn a_program_is_not_read() {
    for exports in [
        "export X=$(id)",
        "export X=\"$(id)\"",
        "export X=`id`",
        "export X=\"`id`\"",
        "export X=1; id",
        "export X=1 Y=2",
        "export X=a && id",
        "export X=1\nif true; then\nfi",
        "export X=1\nid",
        "export X=1\nmkdir -p a; id",
        "export X=1\nmkdir -p $(id)",
        "export X=(1 2)",
        "export X=*",
        "export X=~",
        "export X=\"a",
        "export X='a",
        "export X=${A:=1}",
        "export X=${A#1}",
        "export X=$1",
        "export X=\"$(cat a; id || echo x.onion)\"",
        "export X=\"$(cat a || echo secret)\"",
        "S='a b'\nexport X=$S",
        "export 1X=1",
        "source \"$A\"\nexport X=1",
    ] {
        let refused = environment(exports, "$X").unwrap_err().to_string();
        assert!(
            refused.contains("it needs X, which only scripts"),
            "{exports}: {refused}"
        );
    }
}

/// A value that cannot be known is not made up, and no app of Umbrel's overrides what Umbrel sets.
#[test]
fn unknown_values_are_left_out_and_those_of_umbrel_stay() {
    let refused = environment("export Y=$APP_SEED\nexport X=\"$Y$NOT\"", "$X").unwrap_err();
    assert!(refused.to_string().contains("it needs X"), "{refused}");
    let own = environment("export APP_ID=other\nexport X=1", "$APP_ID").unwrap();
    assert_eq!(own, "maps");
}

#[test]
fn a_folder_of_its_own_is_one_of_its_data() {
    let exports =
        "export MAPS=\"${EXPORTS_APP_DIR}/data/maps\"\nexport LOGS=$EXPORTS_APP_DATA_DIR/logs";
    let service = "volumes: ['${MAPS}:/maps', '$LOGS:/logs']";
    let manifest = read(
        &of_folder("maps", &app(exports, "", service)).unwrap().files,
        &[],
    );
    assert_eq!(
        sources(&manifest.services["web"].mounts),
        [
            &MountSource::Data("data/maps".to_owned()),
            &MountSource::Data("data/logs".to_owned())
        ]
    );
}

const PORTS: &str = "export APP_MAPS_IP=\"10.21.21.30\"
export APP_MAPS_PORT=\"3006\"
export APP_MAPS_URL=\"http://${APP_MAPS_IP}:${APP_MAPS_PORT}\"
export APP_MAPS_DATA_DIR=\"${EXPORTS_APP_DIR}/data\"
";
const ADDRESSED: &str = "networks: {default: {ipv4_address: $APP_MAPS_IP}}
    environment: {SELF: $APP_MAPS_URL}";

/// Umbrel's network does not exist here, and two apps could not have one subnet.
#[test]
fn an_address_in_umbrels_network_becomes_a_name() {
    let manifest = read(
        &of_folder("maps", &app(PORTS, "", ADDRESSED)).unwrap().files,
        &[],
    );
    let web = &manifest.services["web"];
    assert!(web.networks["default"].addresses.is_empty());
    assert!(web.networks["default"].aliases.contains("maps_web_1"));
    assert_eq!(web.environment["SELF"], "http://maps_web_1:3006");
    assert!(manifest.extension.exports.services.contains_key("web"));
}

#[test]
fn an_app_has_the_variables_of_those_that_it_depends_on() {
    let service = "environment: {URL: '$APP_MAPS_URL', HOST: '${APP_MAPS_IP}:$APP_MAPS_PORT'}";
    let mut asks = app("", "maps", service);
    let about = "id: walks\nname: Walks\nport: 4031\ndependencies: [maps]\n";
    asks.insert("umbrel-app.yml".to_owned(), about.as_bytes().into());
    let walks = AppId::parse("walks").unwrap();
    let neighbours = [("maps".to_owned(), app(PORTS, "", ADDRESSED))];
    let beside = Surroundings {
        neighbours: neighbours.into(),
        ..surroundings(Scripts::Run)
    };
    let translated = translate("s/x", &walks, &asks, &beside).unwrap();
    let manifest = read(&translated.files, &[]);
    let web = &manifest.services["web"];
    assert_eq!(web.environment["URL"], "http://archy-maps:3006");
    assert_eq!(web.environment["HOST"], "archy-maps:3006");
    assert_eq!(dependencies(&asks), ["maps".to_owned()].into());

    // It does not get a folder of the other app, and nothing of an app that it does not name.
    let text = "services: {web: {image: a, environment: [A=$APP_MAPS_DATA_DIR]}}\n";
    asks.insert("docker-compose.yml".to_owned(), text.as_bytes().into());
    let refused = translate("s/x", &walks, &asks, &beside).unwrap_err();
    assert!(refused.to_string().contains("it needs APP_MAPS_DATA_DIR"));
    let refused = of_folder("maps", &app("", "", service)).unwrap_err();
    assert!(refused.to_string().contains("it needs APP_MAPS_IP"));
}
