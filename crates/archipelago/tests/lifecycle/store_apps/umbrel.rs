//! Apps of Umbrel's store, with the services, images, ports, users, folders and variables that
//! count. Texts, icons and checksums of images are left out.

use super::app::{StoreApp, image};

const MANIFEST: &str = "umbrel-app.yml";
const COMPOSE: &str = "docker-compose.yml";

pub(super) const APPS: [StoreApp; 5] = [
    // A database of its own, both as 1000:1000; the app keeps nothing itself.
    StoreApp {
        id: "planka",
        port: 8546,
        options: "",
        page: "(N)",
        images: &[
            image(
                "ghcr.io/plankanban/planka:2.2.1",
                1337,
                "",
                "planka_db_1:5432",
                0,
            ),
            image(
                "docker.io/library/postgres:16.13-alpine3.23",
                5432,
                "/var/lib/postgresql/data",
                "",
                0,
            ),
        ],
        files: &[
            (
                MANIFEST,
                "id: planka\nname: Planka\nversion: '2.2.1'\nport: 8546\ndeterministicPassword: true\n",
            ),
            (
                COMPOSE,
                r#"services:
  app_proxy:
    environment: {APP_HOST: planka_app_1, APP_PORT: 1337}
  app:
    image: ghcr.io/plankanban/planka:2.2.1
    user: "1000:1000"
    restart: on-failure
    depends_on: {db: {condition: service_healthy}}
    environment:
      BASE_URL: http://${DEVICE_DOMAIN_NAME}:8546
      DATABASE_URL: postgresql://postgres@planka_db_1/planka
      DEFAULT_ADMIN_PASSWORD: ${APP_PASSWORD}
      SECRET_KEY: ${APP_SEED}
  db:
    image: postgres:16.13-alpine3.23
    user: "1000:1000"
    restart: on-failure
    environment: {POSTGRES_DB: planka, POSTGRES_HOST_AUTH_METHOD: trust}
    volumes: ["${APP_DATA_DIR}/data/db:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -U postgres -d planka]
      interval: 10s
      timeout: 5s
      retries: 5
"#,
            ),
        ],
    },
    // A shared folder, ports of its own, and a companion that asks it by its container's name.
    StoreApp {
        id: "transmission",
        port: 9091,
        options: "--allow path:/home/archy/shared/downloads",
        page: "N N",
        images: &[
            image(
                "docker.io/linuxserver/transmission:4.1.3",
                9091,
                "/config /downloads",
                "",
                1000,
            ),
            image(
                "docker.io/getumbrel/umbrel-transmission-widget-server:v1.0.0",
                3000,
                "",
                "transmission_server_1:9091",
                0,
            ),
        ],
        files: &[
            (
                MANIFEST,
                "id: transmission\nname: Transmission\nversion: '4.1.3'\nport: 9091\n",
            ),
            (
                COMPOSE,
                r#"version: "3.7"
services:
  app_proxy:
    environment: {APP_HOST: transmission_server_1, APP_PORT: 9091}
  server:
    image: linuxserver/transmission:4.1.3
    environment: [PUID=1000, PGID=1000]
    volumes:
      - ${APP_DATA_DIR}/data/config:/config
      - ${UMBREL_ROOT}/data/storage/downloads:/downloads
    ports: ["51413:51413", "51413:51413/udp"]
    restart: on-failure
  widget-server:
    image: getumbrel/umbrel-transmission-widget-server:v1.0.0
    environment: [TRANSMISSION_URL=http://transmission_server_1, TRANSMISSION_PORT=9091]
    restart: on-failure
"#,
            ),
        ],
    },
    // The password in the middle of a text, and a service whose image decides on the user.
    StoreApp {
        id: "kimai",
        port: 8381,
        options: "",
        page: "N (N)",
        images: &[
            image(
                "docker.io/kimai/kimai2:2.65.0",
                8001,
                "/opt/kimai/var/data",
                "kimai_db_1:3306",
                0,
            ),
            image(
                "docker.io/library/mariadb:11.4.5",
                3306,
                "/var/lib/mysql",
                "",
                0,
            ),
        ],
        files: &[
            (
                MANIFEST,
                "id: kimai\nname: Kimai\nversion: '2.65.0'\nport: 8381\n",
            ),
            (
                COMPOSE,
                r#"version: "3.7"
services:
  app_proxy:
    environment: {APP_HOST: kimai_app_1, APP_PORT: 8001, PROXY_AUTH_ADD: "false"}
  app:
    image: kimai/kimai2:2.65.0
    volumes: ["${APP_DATA_DIR}/data/app:/opt/kimai/var/data"]
    environment:
      DATABASE_URL: "mysql://kimai:${APP_PASSWORD}@kimai_db_1/kimai"
    restart: on-failure
    depends_on: [db]
  db:
    user: "1000:1000"
    image: mariadb:11.4.5
    volumes: ["${APP_DATA_DIR}/data/db:/var/lib/mysql"]
    environment: {MYSQL_PASSWORD: $APP_PASSWORD, MYSQL_ROOT_PASSWORD: $APP_PASSWORD}
    restart: on-failure
    healthcheck:
      test: mariadb-admin -p$$MYSQL_ROOT_PASSWORD ping -h localhost
      interval: 20s
      start_period: 10s
      timeout: 10s
      retries: 3
"#,
            ),
        ],
    },
    // One service without a user; its image runs as 1000.
    StoreApp {
        id: "uptime-kuma",
        port: 8385,
        options: "",
        page: "N",
        images: &[image(
            "docker.io/louislam/uptime-kuma:2.5.0",
            3001,
            "/app/data",
            "",
            1000,
        )],
        files: &[
            (
                MANIFEST,
                "id: uptime-kuma\nname: Uptime Kuma\nversion: '2.5.0'\nport: 8385\npath: /\n",
            ),
            (
                COMPOSE,
                r#"version: "3.7"
services:
  app_proxy:
    environment: {APP_HOST: uptime-kuma_server_1, APP_PORT: 3001, PROXY_AUTH_ADD: "false"}
  server:
    image: louislam/uptime-kuma:2.5.0
    restart: on-failure
    stop_grace_period: 1m
    volumes: ["${APP_DATA_DIR}/data/uptime-kuma:/app/data"]
"#,
            ),
        ],
    },
    // Several folders, and a database with a long command.
    StoreApp {
        id: "photoprism",
        port: 8087,
        options: "",
        page: "N N (N)",
        images: &[
            image(
                "docker.io/photoprism/photoprism:260305",
                8087,
                "/photoprism/originals /photoprism/storage",
                "photoprism_db_1:3306",
                0,
            ),
            image(
                "docker.io/library/mariadb:10.5.12",
                3306,
                "/var/lib/mysql",
                "",
                0,
            ),
        ],
        files: &[
            (
                MANIFEST,
                "id: photoprism\nname: PhotoPrism\nversion: '260305'\nport: 8087\ndefaultUsername: admin\ndeterministicPassword: true\n",
            ),
            (
                COMPOSE,
                r#"version: "3.7"
services:
  app_proxy:
    environment: {APP_HOST: photoprism_web_1, APP_PORT: 8087, PROXY_AUTH_WHITELIST: "/originals/*"}
  web:
    image: photoprism/photoprism:260305
    user: "1000:1000"
    stop_grace_period: "1m"
    volumes:
      - "${APP_DATA_DIR}/originals:/photoprism/originals"
      - "${APP_DATA_DIR}/storage:/photoprism/storage"
    environment:
      PHOTOPRISM_ADMIN_PASSWORD: "${APP_PASSWORD}"
      PHOTOPRISM_DATABASE_SERVER: "photoprism_db_1:3306"
      PHOTOPRISM_SITE_URL: "http://${APP_DOMAIN}:8087/"
  db:
    image: mariadb:10.5.12
    user: "1000:1000"
    stop_grace_period: "1m"
    command: mysqld --transaction-isolation=READ-COMMITTED --max-connections=512
    volumes: ["${APP_DATA_DIR}/database:/var/lib/mysql"]
    environment: {MYSQL_ROOT_PASSWORD: photoprism, MYSQL_DATABASE: photoprism}
"#,
            ),
        ],
    },
];
