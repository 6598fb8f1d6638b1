//! As [`umbrel`](super::umbrel), in the format of CasaOS.

use super::app::{StoreApp, image};

const COMPOSE: &str = "docker-compose.yml";

pub(super) const APPS: [StoreApp; 5] = [
    // Two databases that must be healthy, on a network of the app's own.
    StoreApp {
        id: "ghostfolio",
        port: 3333,
        options: "",
        page: "(N) ()",
        images: &[
            image(
                "docker.io/ghostfolio/ghostfolio:3.47.0",
                3333,
                "",
                "big-bear-ghostfolio-db:5432 big-bear-ghostfolio-redis:6379",
                0,
            ),
            image(
                "docker.io/library/postgres:15.4-alpine",
                5432,
                "/var/lib/postgresql/data",
                "",
                0,
            ),
            image("docker.io/library/redis:7.4.6-alpine", 6379, "", "", 0),
        ],
        files: &[(
            COMPOSE,
            r#"name: big-bear-ghostfolio
services:
  big-bear-ghostfolio:
    container_name: big-bear-ghostfolio
    image: ghostfolio/ghostfolio:3.47.0
    restart: unless-stopped
    environment: {DATABASE_URL: "postgresql://ghostfolio:pw@big-bear-ghostfolio-db:5432/ghostfolio"}
    ports: ["3333:3333"]
    depends_on:
      big-bear-ghostfolio-db: {condition: service_healthy}
      big-bear-ghostfolio-redis: {condition: service_healthy}
    networks: [big_bear_ghostfolio_network]
  big-bear-ghostfolio-db:
    container_name: big-bear-ghostfolio-db
    image: postgres:15.4-alpine
    restart: unless-stopped
    healthcheck: {test: [CMD-SHELL, pg_isready -d ghostfolio], interval: 10s, timeout: 5s, retries: 5}
    volumes: ["/DATA/AppData/$AppID/data/db:/var/lib/postgresql/data"]
    networks: [big_bear_ghostfolio_network]
  big-bear-ghostfolio-redis:
    container_name: big-bear-ghostfolio-redis
    image: redis:7.4.6-alpine
    restart: unless-stopped
    command: >
      --requirepass pw
    healthcheck: {test: [CMD, redis-cli, ping], interval: 10s, timeout: 5s, retries: 5, start_period: 30s}
    networks: [big_bear_ghostfolio_network]
networks:
  big_bear_ghostfolio_network: {driver: bridge}
x-casaos: {main: big-bear-ghostfolio, port_map: "3333", architectures: [amd64, arm64], title: {en_US: Ghostfolio}}
"#,
        )],
    },
    // Several folders under /DATA, and the numbers of a user in variables.
    StoreApp {
        id: "nextcloud-ls",
        port: 10443,
        options: "",
        page: "N N",
        images: &[image(
            "docker.io/linuxserver/nextcloud:34.0.2",
            443,
            "/config /data",
            "",
            0,
        )],
        files: &[(
            COMPOSE,
            r#"name: big-bear-nextcloud-ls
services:
  big-bear-nextcloud-ls:
    container_name: big-bear-nextcloud-ls
    image: linuxserver/nextcloud:34.0.2
    restart: unless-stopped
    ports: ["10443:443"]
    volumes: ["/DATA/AppData/$AppID/config:/config", "/DATA/AppData/$AppID/data:/data"]
    environment: [PUID=$PUID, PGID=$PGID, TZ=$TZ]
x-casaos: {main: big-bear-nextcloud-ls, port_map: "10443", title: {en_US: Nextcloud LS}}
"#,
        )],
    },
    // A placeholder that a person must fill in; Docker's own network.
    StoreApp {
        id: "2fauth",
        port: 8000,
        options: "--set CHANGE_TO_LAN_IP=192.168.1.5",
        page: "N",
        images: &[image(
            "docker.io/2fauth/2fauth:8.0.1",
            8000,
            "/2fauth",
            "",
            0,
        )],
        files: &[(
            COMPOSE,
            r#"name: big-bear-2fauth
services:
  app:
    container_name: big-bear-2fauth
    image: 2fauth/2fauth:8.0.1
    restart: unless-stopped
    ports: ["8000:8000"]
    network_mode: bridge
    volumes: ["/DATA/AppData/$AppID/data:/2fauth"]
    environment: ["APP_URL=http://[CHANGE_TO_LAN_IP]:8000"]
x-casaos: {main: app, port_map: "8000", title: {en_US: 2FAuth}, tips: {before_install: {en_US: Set your address.}}}
"#,
        )],
    },
    // Folders deep below the app's own.
    StoreApp {
        id: "audiobookshelf",
        port: 13378,
        options: "",
        page: "N N N",
        images: &[image(
            "ghcr.io/advplyr/audiobookshelf:2.34.0",
            80,
            "/audiobooks /config /metadata",
            "",
            0,
        )],
        files: &[(
            COMPOSE,
            r#"name: big-bear-audiobookshelf
services:
  big-bear-audiobookshelf:
    container_name: big-bear-audiobookshelf
    image: ghcr.io/advplyr/audiobookshelf:2.34.0
    restart: unless-stopped
    volumes:
      - /DATA/AppData/$AppID/media/data/books/spoken:/audiobooks
      - /DATA/AppData/$AppID/data/config:/config
      - type: bind
        source: /DATA/AppData/$AppID/data/metadata
        target: /metadata
    ports:
      - target: 80
        published: "13378"
        protocol: tcp
x-casaos: {main: big-bear-audiobookshelf, port_map: "13378", title: {en_US: Audiobookshelf}}
"#,
        )],
    },
    // A shared folder, and a static address.
    StoreApp {
        id: "jellyfin",
        port: 8097,
        options: "--allow path:/home/archy/shared/Media",
        page: "N N (N)",
        images: &[
            image(
                "docker.io/linuxserver/jellyfin:10.10.7",
                8096,
                "/config /media",
                "172.29.7.20:8080",
                1000,
            ),
            image("docker.io/library/memcached:1.6", 8080, "/cache", "", 0),
        ],
        files: &[(
            COMPOSE,
            r#"name: jellyfin
services:
  jellyfin:
    image: linuxserver/jellyfin:10.10.7
    restart: unless-stopped
    ports: ["8097:8096"]
    volumes: ["/DATA/AppData/jellyfin/config:/config", "/DATA/Media:/media"]
    networks: {jellyfin: }
  cache:
    image: memcached:1.6
    volumes: ["/DATA/AppData/$AppID/cache:/cache"]
    networks: {jellyfin: {ipv4_address: 172.29.7.20}}
networks:
  jellyfin: {ipam: {config: [{subnet: 172.29.7.0/24}]}}
x-casaos: {main: jellyfin, port_map: "8097", index: /web/, title: {en_us: Jellyfin}}
"#,
        )],
    },
];
