//! Ports, and the pages and probes behind them.

use super::*;

#[test]
fn ports() {
    let port = |text: &str, problem: &str| {
        check_service(
            &format!("ports: [{text}]"),
            &format!("3:13: services.web.ports[0]: {problem}"),
        )
    };
    port("'0:80'", "expected a port from 1 to 65535");
    let no_port = "this is no port; write HOST:CONTAINER, CONTAINER or ADDRESS:HOST:CONTAINER, with ports from 0 to 65535";
    port("'80:65536'", no_port);
    port("'80:http'", no_port);
    port("'82-80:80-82'", no_port);
    port("'80:0'", "expected a port from 1 to 65535");
    port(
        "{target: 80, published: http}",
        "expected a port from 1 to 65535",
    );
    port(
        "{target: 80, published: '8010-8000'}",
        "expected a port from 1 to 65535",
    );
    port("'80:80/sctp'", "expected tcp or udp");
    port(
        "'localhost:80:80'",
        "this is no IP address; write an address like 127.0.0.1 or [::1]",
    );
    port(
        "'80-82:80-81'",
        "the ranges of host and container ports differ in length; make them equally long",
    );
    check_service(
        "ports: [{target: 80, published: 80, hostip: x}]",
        &format!(
            "3:41: services.web.ports[0].hostip: {}",
            unknown_to_compose("host_ip")
        ),
    );

    let published = |lines: &str| {
        good_service(lines)
            .ports
            .iter()
            .map(|port| format!("{port:?}"))
            .collect::<Vec<_>>()
    };
    let short = published("ports: ['127.0.0.1:80-81:8080-8081/udp', '[::1]:90:90']");
    let long = published(
        "ports: [{target: 8080, published: 80, protocol: udp, host_ip: 127.0.0.1}, {target: 8081, published: 81, protocol: udp, host_ip: 127.0.0.1}, {target: 90, published: 90, host_ip: '::1'}]",
    );
    assert_eq!(short, long);
    // In the order of the numbers, though the reader sorts them as text.
    let range = good_service("ports: ['99-101:99-101', '5:5']").ports;
    let range: Vec<u16> = range.iter().map(|port| port.host).collect();
    assert_eq!(range, [99, 100, 101, 5]);
}

#[test]
fn pages_and_probes_need_a_published_tcp_port() {
    let missing = "the service web publishes no such port; add it to its `ports`";
    check_extension(
        "urls: [{title: a, service: web, port: 80}]",
        &format!("5:3: x-archipelago.urls: {}", missing),
    );
    check_extension(
        "urls: [{title: a, service: web, port: 53}]",
        &format!("5:3: x-archipelago.urls: {}", missing),
    );
    check_extension(
        "readiness: [{service: web, port: 53}]",
        &format!("5:3: x-archipelago.readiness: {}", missing),
    );
    check_extension(
        "readiness: [{service: web, port: 8080, http: ready}]",
        "5:42: x-archipelago.readiness[0].http: expected a path that starts with `/`, with special characters percent-encoded",
    );
    for path in ["ui", "/a b", "/ü"] {
        check_extension(
            &format!("urls: [{{service: web, port: 8080, path: {path}}}]"),
            "5:37: x-archipelago.urls[0].path: expected a path that starts with `/`, with special characters percent-encoded",
        );
    }
    check_extension(
        "urls: [{service: web, port: 8080, icon: x}]",
        &format!("5:37: x-archipelago.urls[0].icon: {UNKNOWN}"),
    );
    check_extension(
        "readiness: [{service: web, port: 8080, tcp: true}]",
        &format!("5:42: x-archipelago.readiness[0].tcp: {UNKNOWN}"),
    );
    for port in ["0", "65536", "http"] {
        check_extension(
            &format!("urls: [{{service: web, port: {port}}}]"),
            "5:25: x-archipelago.urls[0].port: expected a port from 1 to 65535",
        );
    }
    check_extension(
        "urls: [{service: db, port: 80}]",
        "5:3: x-archipelago.urls: there is no service of that name; the services are ui, web",
    );
    let opened = good(&with_extension(
        "urls: [{title: Wallet, service: web, port: 8080, path: /wallet}, {service: web, port: 8080}]",
    ));
    let pages: Vec<(&str, &str)> = opened
        .extension
        .urls
        .iter()
        .map(|url| (url.title.as_str(), url.path.as_str()))
        .collect();
    assert_eq!(pages, [("Wallet", "/wallet"), ("", "/")]);
    good(&with_extension(
        "urls: [{title: a, service: web, port: 8080}]\nreadiness: [{service: web, port: 8080, http: /ready}]",
    ));
}

#[test]
fn only_a_service_of_the_apps_own_network_publishes_ports() {
    for mode in ["host", "none"] {
        assert!(
            good_service(&format!("network_mode: {mode}"))
                .ports
                .is_empty()
        );
    }
    check_service(
        "network_mode: none, ports: ['80:80']",
        "3:25: services.web.ports: ports are published only from the app's network; remove `ports` or `network_mode`",
    );
}

/// The node's port, the last one of its range, and the word in the intent.
#[test]
fn a_port_of_a_range_is_one_of_them() {
    for (text, host, until, word) in [
        ("8000-8010:80", 8000, 8010, "web:8000-8010:80/tcp"),
        ("80", 8080, 9079, "web:8080-9079:80/tcp"),
        ("53/udp", 8053, 9052, "web:8053-9052:53/udp"),
        ("3000", 3000, 3999, "web:3000-3999:3000/tcp"),
        ("65000", 65000, 65535, "web:65000-65535:65000/tcp"),
    ] {
        let ports = good_service(&format!("ports: ['{text}']")).ports;
        let [port] = ports.as_slice() else {
            panic!("{text}: {ports:?}")
        };
        assert_eq!((port.host, port.until), (host, Some(until)), "{text}");
        assert_eq!(port.word("web"), word);
    }
    let mut manifest = good("services: {web: {image: x, ports: ['8000-8010:80', '90:90']}}\n");
    let hosts = |manifest: &Manifest| -> Vec<u16> {
        let ports = manifest.services["web"].ports.iter();
        ports.map(|port| port.host).collect()
    };
    let mut other = manifest.clone();
    for (chosen, expected, manifest) in [(8003, 8003, &mut manifest), (9000, 8000, &mut other)] {
        let chosen = BTreeMap::from([("web:8000-8010:80/tcp".to_owned(), chosen)]);
        manifest.keep_ports(&chosen);
        assert_eq!(hosts(manifest), [expected, 90]);
    }
}
