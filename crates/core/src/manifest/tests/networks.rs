//! The networks of an app, and its services on them.

use super::*;

fn networks(text: &str) -> Vec<(String, AppNetwork)> {
    good(text).networks.into_iter().collect()
}

fn own(change: impl FnOnce(&mut OwnNetwork)) -> AppNetwork {
    let mut network = OwnNetwork::default();
    change(&mut network);
    AppNetwork::Own(network)
}

#[test]
fn each_service_has_its_networks_and_names() {
    let manifest = good(
        "services:\n  web: {image: x, networks: {front: {aliases: [www, web]}, back: }, links: ['db:sql', db], container_name: page}\n  db: {image: y, networks: [back]}\n  ui: {image: z, network_mode: bridge}\n  job: {image: z, network_mode: 'service:web'}\nnetworks: {front: {driver: bridge}, back: {internal: true}, unused: {driver: overlay}}\n",
    );
    let service = |name: &str| &manifest.services[name];
    let joined = |name: &str| service(name).networks.keys().collect::<Vec<_>>();
    assert_eq!(joined("web"), ["back", "front"]);
    assert_eq!(joined("db"), ["back"]);
    assert_eq!(joined("ui"), ["default"]);
    assert_eq!(
        service("job").network,
        NetworkMode::Service("web".to_owned())
    );
    let aliases = |name: &str| {
        service(name)
            .aliases
            .iter()
            .cloned()
            .collect::<Vec<String>>()
    };
    assert_eq!(
        (aliases("web"), aliases("db")),
        (vec!["page".to_owned()], vec!["sql".to_owned()])
    );
    let front = &service("web").networks["front"].aliases;
    assert_eq!(front.iter().collect::<Vec<_>>(), ["www"]);
    // As in Compose, what nobody joins is not made, and need not be right.
    let names: Vec<&String> = manifest.networks.keys().collect();
    assert_eq!(names, ["back", "front"]);
    assert_eq!(
        manifest.networks["back"],
        own(|network| network.internal = true)
    );
    assert!(manifest.warnings.is_empty());
}

#[test]
fn a_static_address_needs_a_subnet() {
    let text = |ipam: &str| {
        format!(
            "services: {{web: {{image: x, networks: {{n: {{ipv4_address: 10.0.0.2, mac_address: '02-42-ac-11-00-02'}}}}}}}}\nnetworks:\n  n: {{{ipam}}}\n"
        )
    };
    check(
        &text(""),
        "1:43: services.web.networks.n.ipv4_address: no subnet of the network holds this address; give it one under `networks.n.ipam.config`, or let the others use the service's name",
    );
    let pooled = text("ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}");
    let subnet = Subnet {
        net: "10.0.0.0/24".parse().expect("a subnet"),
        gateway: Some("10.0.0.1".parse().expect("an address")),
        range: None,
    };
    let expected = own(|network| network.subnets = vec![subnet]);
    assert_eq!(networks(&pooled), [("n".to_owned(), expected)]);
    let join = good(&pooled).services["web"].networks["n"].clone();
    assert_eq!(
        join.addresses,
        ["10.0.0.2".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(join.hardware_address.as_deref(), Some("02:42:ac:11:00:02"));

    let wrong = |keys: &str, expected: &str| {
        check(
            &format!(
                "services: {{web: {{image: x, networks: {{n: {{{keys}}}}}}}}}\nnetworks: {{n: }}\n"
            ),
            expected,
        );
    };
    wrong(
        "mac_address: x",
        "1:43: services.web.networks.n.mac_address: expected a hardware address like 02:42:ac:11:00:02",
    );
    wrong(
        "ipv6_address: 10.0.0.2",
        "1:43: services.web.networks.n.ipv6_address: expected an IP address of this kind",
    );
    wrong(
        "aliases: ['a b']",
        "1:53: services.web.networks.n.aliases[0]: this cannot be the name of a container: use 1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or digit",
    );
}

#[test]
fn addresses_that_podman_could_not_give_a_network() {
    for (config, expected) in [
        (
            "{subnet: 10.5.0.0/33}",
            "2:33: networks.n.ipam.config[0].subnet: expected something like 10.89.0.0/24",
        ),
        (
            "{subnet: 10.5.0.0/24, gateway: 10.6.0.1}",
            "2:54: networks.n.ipam.config[0].gateway: this address is not in the subnet",
        ),
        (
            "{subnet: 10.5.0.0/24, ip_range: 10.6.0.0/25}",
            "2:54: networks.n.ipam.config[0].ip_range: this range is not in the subnet",
        ),
        (
            "{gateway: 10.6.0.1}",
            "2:32: networks.n.ipam.config[0]: a gateway or a range needs a `subnet`",
        ),
        (
            "{subnet: 10.5.0.0/24, gateway: 10.5.0.1}, {subnet: 10.6.0.0/24}",
            "2:23: networks.n.ipam.config: either all subnets of a network have a `gateway` (or an `ip_range`), or none has",
        ),
    ] {
        check(
            &format!(
                "services: {{web: {{image: x, networks: [n]}}}}\nnetworks: {{n: {{ipam: {{config: [{config}]}}}}}}\n"
            ),
            expected,
        );
    }
}

#[test]
fn a_network_of_podmans_is_joined_by_its_name() {
    let text = |network: &str| {
        format!("services: {{web: {{image: x, networks: [n]}}}}\nnetworks:\n  n: {{{network}}}\n")
    };
    let expected = AppNetwork::External("proxy".to_owned());
    assert_eq!(
        networks(&text("external: true, name: proxy")),
        [("n".to_owned(), expected)]
    );
    check(
        &text("external: true, name: host"),
        "3:3: networks.n: this is not the name of a network; write `network_mode` for the service",
    );
    check(
        &text("external: true, name: archy-bitcoin-exports"),
        "3:3: networks.n: this is the network of an app; what that app exports is reached with `x-archipelago.requires`",
    );
    check(
        &text("driver: host"),
        "3:7: networks.n.driver: an app's network is a bridge of Podman; remove this key",
    );
    check(
        "services: {web: {image: x, networks: [exports]}}\nnetworks: {exports: }\n",
        "2:12: networks.exports: the network of this name is the one on which an app offers its exports; rename it",
    );
}
