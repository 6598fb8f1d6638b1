//! The listener on 127.0.0.1. Every program and every browser page on this host can reach it, so it
//! discloses only public data.

use archipelago_node::handle::Handle;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::health::Health;

pub(super) fn router(handle: Handle) -> Router {
    guarded(
        Router::new()
            .route("/health", get(health))
            .with_state(handle),
    )
}

async fn health(State(handle): State<Handle>) -> Json<Health> {
    Json(Health::of(handle.last().as_deref()))
}

fn guarded(router: Router) -> Router {
    router.layer(middleware::from_fn(refuse_foreign_names))
}

/// Refuses a request with a foreign host name. A web page can let its own name resolve to 127.0.0.1
/// and read the answer (DNS rebinding). Status 421: RFC 9110, section 15.5.20.
async fn refuse_foreign_names(request: Request, next: Next) -> Response {
    let mut names = request.headers().get_all(HOST).iter();
    let (name, more) = (names.next(), names.next());
    // The whole URL in the request takes precedence over the header (RFC 9112, section 3.2.2);
    // neither may be foreign.
    let whole = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let (Some(name), None) = (name, more) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let named = [name.to_str().ok(), Some(whole.unwrap_or("localhost"))];
    if named.iter().all(|name| name.is_some_and(is_own)) {
        next.run(request).await
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    }
}

/// Whether a `Host:` means the loopback, with or without a port.
fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]"
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn only_names_of_the_loopback_are_own() {
        for own in [
            "127.0.0.1",
            "127.0.0.1:5678",
            "localhost",
            "LocalHost:80",
            "[::1]",
            "[::1]:5678",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "",
            ":80",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "evil@localhost",
            "localhost:80:80",
            "127.0.0.1:x",
            "127.0.0.2",
            "::1",
            "[::1",
            "[::1]x",
            "0.0.0.0",
            "localhost.",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }

    #[tokio::test]
    async fn foreign_names_unknown_paths_and_other_methods_are_refused() {
        let router = guarded(Router::new().route("/health", get(async || "well")));
        for (method, target, hosts, expected) in [
            ("GET", "/health", &["127.0.0.1:5678"][..], StatusCode::OK),
            ("HEAD", "/health", &["localhost"], StatusCode::OK),
            (
                "GET",
                "http://localhost:5678/health",
                &["localhost:5678"],
                StatusCode::OK,
            ),
            (
                "GET",
                "/health",
                &["evil.example"],
                StatusCode::MISDIRECTED_REQUEST,
            ),
            (
                "GET",
                "/",
                &["evil.example"],
                StatusCode::MISDIRECTED_REQUEST,
            ),
            (
                "POST",
                "/health",
                &["evil.example"],
                StatusCode::MISDIRECTED_REQUEST,
            ),
            (
                "GET",
                "http://evil.example/health",
                &["localhost"],
                StatusCode::MISDIRECTED_REQUEST,
            ),
            (
                "GET",
                "http://localhost/health",
                &["evil.example"],
                StatusCode::MISDIRECTED_REQUEST,
            ),
            ("GET", "/health", &[], StatusCode::BAD_REQUEST),
            (
                "GET",
                "/health",
                &["localhost", "evil.example"],
                StatusCode::BAD_REQUEST,
            ),
            ("GET", "/", &["localhost"], StatusCode::NOT_FOUND),
            ("GET", "/health/", &["localhost"], StatusCode::NOT_FOUND),
            ("GET", "/v1/status", &["localhost"], StatusCode::NOT_FOUND),
            (
                "POST",
                "/health",
                &["localhost"],
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            (
                "DELETE",
                "/health",
                &["localhost"],
                StatusCode::METHOD_NOT_ALLOWED,
            ),
        ] {
            let mut request = Request::builder().method(method).uri(target);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let request = request.body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), expected, "{method} {target} {hosts:?}");
        }
    }
}
