//! The misconfigurations: what is planted, and the finding that must come of it, with the file
//! and the text of the line that it must name.

use scenarios::standing::Edit;

pub(super) const SITE: &str = "proxy/conf/site.conf";
pub(super) const HEADERS: &str = "proxy/conf/security-headers.conf";
pub(super) const MAIN: &str = "proxy/conf/nginx.conf";
pub(super) const TLS: &str = "proxy/conf/servers-tls.conf";
pub(super) const HTTP: &str = "proxy/conf/servers-http.conf";
pub(super) const BACKEND: &str = "proxy/conf/backend.conf";
pub(super) const ERRORS: &str = "proxy/conf/error-pages.conf";
pub(super) const SETTINGS: &str = "backend/korrigo/settings.py";
pub(super) const PRODUCTION: &str = "backend/korrigo/settings_prod.py";

/// Edits, the finding that must come of them, and file and text of the line that it must name.
pub(super) struct Fault(
    pub(super) &'static [Edit],
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

/// Of nginx, over TLS.
pub(super) const OVER_TLS: [Fault; 35] = [
    Fault(
        &[(
            HEADERS,
            "proxy_hide_header Referrer-Policy;",
            "proxy_hide_header Referrer-Policy;\nproxy_hide_header WWW-Authenticate;",
        )],
        "routes.challenge",
        HEADERS,
        "WWW-Authenticate",
    ),
    Fault(
        &[(SITE, "    alias /srv/static/;", "    alias /srv/static/;\n    add_header X-Test 1;")],
        "headers.missing",
        SITE,
        "add_header X-Test",
    ),
    Fault(
        &[(
            SITE,
            "location /api/ {",
            "location /api/ {\n    add_header Cache-Control no-store always;",
        )],
        "headers.missing",
        SITE,
        "add_header Cache-Control",
    ),
    Fault(
        &[(ERRORS, "internal;", "internal;\n    add_header X-Error 1 always;")],
        "headers.missing",
        ERRORS,
        "add_header X-Error",
    ),
    Fault(&[(HEADERS, "\"DENY\" always", "\"DENY\"")], "headers.missing", HEADERS, "\"DENY\""),
    Fault(&[(HEADERS, "add_header Referrer-Policy", "#")], "headers.missing", SITE, "location"),
    Fault(&[(HEADERS, "\"DENY\"", "\"SAMEORIGIN\"")], "headers.value", HEADERS, "SAMEORIGIN"),
    Fault(&[(HEADERS, "\"nosniff\"", "\"sniff\"")], "headers.value", HEADERS, "\"sniff\""),
    Fault(&[(HEADERS, "camera=()", "camera=*")], "headers.value", HEADERS, "camera=*"),
    Fault(
        &[(HEADERS, "script-src 'self'", "script-src 'self' 'unsafe-inline'")],
        "headers.value",
        HEADERS,
        "unsafe-inline",
    ),
    Fault(&[(HEADERS, "frame-ancestors 'none'; ", "")], "headers.value", HEADERS, "script-src"),
    Fault(
        &[(HEADERS, "connect-src 'self'", "connect-src 'self' wss:")],
        "headers.disagree",
        SETTINGS,
        "CONTENT_SECURITY_POLICY =",
    ),
    Fault(
        &[(MAIN, "max-age=31536000", "max-age=3600")],
        "headers.value",
        HEADERS,
        "Strict-Transport-Security",
    ),
    Fault(
        &[(MAIN, "max-age=31536000", "max-age=abc")],
        "headers.value",
        HEADERS,
        "Strict-Transport-Security",
    ),
    Fault(&[(MAIN, "; preload\"", "\"")], "headers.value", HEADERS, "Strict-Transport-Security"),
    Fault(
        &[(HEADERS, "proxy_hide_header Content-Security-Policy;", "")],
        "headers.duplicate",
        HEADERS,
        "add_header Content-Security-Policy",
    ),
    Fault(
        &[(
            HEADERS,
            "add_header X-Frame-Options",
            "add_header X-Frame-Options DENY always;\nadd_header X-Frame-Options",
        )],
        "headers.duplicate",
        HEADERS,
        "\"DENY\" always",
    ),
    Fault(
        &[(
            HEADERS,
            "add_header X-Frame-Options",
            "add_header X-Frame-Options SAMEORIGIN always;\nadd_header X-Frame-Options",
        )],
        "headers.conflict",
        HEADERS,
        "\"DENY\" always",
    ),
    Fault(
        &[(
            SITE,
            "location /media/ {\n    include backend.conf;",
            "location /media/ {\n    alias /srv/media/;",
        )],
        "routes.open",
        SITE,
        "location /media/",
    ),
    Fault(
        &[(
            SITE,
            "location /api/ {",
            "location ~* \\.css$ {\n    root /srv/frontend;\n}\n\nlocation /api/ {",
        )],
        "routes.status",
        SITE,
        "location ~*",
    ),
    Fault(
        &[(
            BACKEND,
            "proxy_http_version 1.1;",
            "proxy_http_version 1.1;\nproxy_cookie_flags csrftoken nosecure;",
        )],
        "cookies.secure",
        BACKEND,
        "proxy_cookie_flags",
    ),
    Fault(
        &[(
            BACKEND,
            "proxy_http_version 1.1;",
            "proxy_http_version 1.1;\nproxy_cookie_flags sessionid nohttponly;",
        )],
        "cookies.httponly",
        BACKEND,
        "proxy_cookie_flags",
    ),
    Fault(
        &[(
            BACKEND,
            "proxy_http_version 1.1;",
            "proxy_http_version 1.1;\nproxy_cookie_flags ~ samesite=none;",
        )],
        "cookies.samesite",
        BACKEND,
        "proxy_cookie_flags",
    ),
    Fault(
        &[(BACKEND, "X-Forwarded-Proto $scheme", "X-Forwarded-Proto $http_x_forwarded_proto")],
        "hosts.forwarded-proto",
        BACKEND,
        "X-Forwarded-Proto",
    ),
    Fault(
        &[(
            TLS,
            "http2 default_server;\n    server_name _;\n    include unknown-host.conf;",
            "http2 default_server;\n    server_name _;\n    include site.conf;",
        )],
        "hosts.forged-page",
        TLS,
        "default_server",
    ),
    Fault(
        &[
            (TLS, "TLSv1.2 TLSv1.3", "TLSv1.1 TLSv1.2 TLSv1.3"),
            (TLS, "ssl_ciphers ", "ssl_ciphers DEFAULT@SECLEVEL=0:"),
        ],
        "tls.old-version",
        TLS,
        "ssl_protocols",
    ),
    Fault(&[(TLS, "TLSv1.2 TLSv1.3", "TLSv1.2")], "tls.version", TLS, "ssl_protocols"),
    Fault(
        &[(
            TLS,
            "return 301 https://$host$https_port_suffix",
            "return 302 https://$host$https_port_suffix",
        )],
        "tls.redirect",
        TLS,
        "server {",
    ),
    Fault(
        &[(HEADERS, "add_header Strict-Transport-Security", "#")],
        "headers.missing",
        SITE,
        "location",
    ),
    Fault(
        &[(MAIN, "server_tokens off;", "server_tokens on;")],
        "headers.version",
        MAIN,
        "server_tokens on",
    ),
    Fault(
        &[(SITE, "location /static/ {", "location /static {")],
        "routes.open",
        SITE,
        "location /static {",
    ),
    Fault(
        &[(SITE, "alias /srv/static/;", "alias /srv/static/;\n    autoindex on;")],
        "routes.open",
        SITE,
        "location /static/",
    ),
    Fault(
        &[(
            TLS,
            "return 301 https://$host$https_port_suffix$request_uri;",
            "location /static/ {\n        alias /srv/static/;\n    }\n    location / {\n        \
             return 301 https://$host$https_port_suffix$request_uri;\n    }",
        )],
        "tls.redirect",
        TLS,
        "location /static/",
    ),
    Fault(
        &[
            (TLS, "listen 443 ssl http2 default_server;", "listen 443 ssl http2;"),
            (
                TLS,
                "listen 443 ssl http2;\n    include /run",
                "listen 443 ssl http2 default_server;\n    include /run",
            ),
        ],
        "hosts.forged-page",
        TLS,
        "listen 443 ssl http2 default_server",
    ),
    Fault(
        &[(
            TLS,
            "listen 443 ssl http2;\n    include /run/nginx/hosts.conf;",
            "listen 443 ssl http2;\n    server_name ~.;",
        )],
        "hosts.forged-page",
        TLS,
        "server_name ~",
    ),
];

/// Of nginx, over plain HTTP.
pub(super) const OVER_HTTP: [Fault; 6] = [
    Fault(
        &[(
            MAIN,
            "preload\";\n        default \"\";",
            "preload\";\n        default \"max-age=31536000\";",
        )],
        "headers.unwanted",
        HEADERS,
        "Strict-Transport-Security",
    ),
    Fault(
        &[(HEADERS, "$csp_upgrade", "; upgrade-insecure-requests")],
        "headers.value",
        HEADERS,
        "Content-Security-Policy",
    ),
    Fault(
        &[(
            BACKEND,
            "proxy_http_version 1.1;",
            "proxy_http_version 1.1;\nproxy_cookie_flags ~ secure;",
        )],
        "cookies.login-loop",
        BACKEND,
        "proxy_cookie_flags",
    ),
    Fault(
        &[(
            BACKEND,
            "proxy_http_version 1.1;",
            "proxy_http_version 1.1;\nproxy_cookie_domain ~.* korrigo.test;\nproxy_cookie_path / \"/; Domain=korrigo.test\";",
        )],
        "cookies.domain",
        BACKEND,
        "proxy_cookie_domain",
    ),
    Fault(
        &[(
            HTTP,
            "server_name _;\n    include unknown-host.conf;",
            "server_name _;\n    include site.conf;",
        )],
        "hosts.forged-page",
        HTTP,
        "default_server",
    ),
    Fault(
        &[(SITE, "absolute_redirect off;", "absolute_redirect off;\nautoindex on;")],
        "routes.open",
        SITE,
        "location /static/",
    ),
];

/// Of Django's settings, over TLS: each takes a start of the backend.
pub(super) const SETTINGS_OVER_TLS: [Fault; 6] = [
    Fault(
        &[(PRODUCTION, "SESSION_COOKIE_SECURE = ENVIRONMENT.ssl", "SESSION_COOKIE_SECURE = False")],
        "cookies.secure",
        PRODUCTION,
        "SESSION_COOKIE_SECURE",
    ),
    Fault(
        &[(PRODUCTION, "CSRF_COOKIE_SECURE = ENVIRONMENT.ssl", "CSRF_COOKIE_SECURE = False")],
        "cookies.secure",
        PRODUCTION,
        "CSRF_COOKIE_SECURE",
    ),
    Fault(
        &[(PRODUCTION, "DEBUG = False", "DEBUG = False\nALLOWED_HOSTS = [\"*\"]")],
        "hosts.backend-forged",
        PRODUCTION,
        "ALLOWED_HOSTS",
    ),
    Fault(
        &[(PRODUCTION, "DEBUG = False", "DEBUG = False\nUSE_X_FORWARDED_HOST = True")],
        "hosts.backend-forwarded-host",
        PRODUCTION,
        "USE_X_FORWARDED_HOST",
    ),
    Fault(
        &[
            (PRODUCTION, "DEBUG = False", "DEBUG = False\nUSE_X_FORWARDED_HOST = True"),
            (BACKEND, "X-Forwarded-Host \"\"", "X-Forwarded-Host $http_x_forwarded_host"),
        ],
        "hosts.forwarded-host",
        BACKEND,
        "X-Forwarded-Host",
    ),
    Fault(
        &[(SETTINGS, "\"strict-origin-when-cross-origin\"", "\"unsafe-url\"")],
        "headers.disagree",
        SETTINGS,
        "SECURE_REFERRER_POLICY",
    ),
];

/// Of Django's settings, over plain HTTP.
pub(super) const SETTINGS_OVER_HTTP: [Fault; 9] = [
    Fault(
        &[(
            SETTINGS,
            "grading.api.authentication.ChallengingSessionAuthentication",
            "rest_framework.authentication.SessionAuthentication",
        )],
        "routes.status",
        SITE,
        "location /api/",
    ),
    Fault(
        &[(SETTINGS, "SESSION_COOKIE_HTTPONLY = True", "SESSION_COOKIE_HTTPONLY = False")],
        "cookies.httponly",
        SETTINGS,
        "SESSION_COOKIE_HTTPONLY",
    ),
    Fault(
        &[(SETTINGS, "SESSION_COOKIE_SAMESITE = \"Lax\"", "SESSION_COOKIE_SAMESITE = None")],
        "cookies.samesite",
        SETTINGS,
        "SESSION_COOKIE_SAMESITE",
    ),
    Fault(
        &[(SETTINGS, "CSRF_COOKIE_SAMESITE = \"Lax\"", "CSRF_COOKIE_SAMESITE = \"None\"")],
        "cookies.samesite",
        SETTINGS,
        "CSRF_COOKIE_SAMESITE",
    ),
    Fault(
        &[(SETTINGS, "X_FRAME_OPTIONS = \"DENY\"", "X_FRAME_OPTIONS = \"SAMEORIGIN\"")],
        "headers.disagree",
        SETTINGS,
        "X_FRAME_OPTIONS",
    ),
    Fault(
        &[(SETTINGS, "\"connect-src\": [\"'self'\"]", "\"connect-src\": [\"*\"]")],
        "headers.disagree",
        SETTINGS,
        "CONTENT_SECURITY_POLICY",
    ),
    Fault(
        &[(PRODUCTION, "DEBUG = False", "DEBUG = False\nSESSION_COOKIE_AGE = 90 * 86400")],
        "cookies.lifetime",
        PRODUCTION,
        "SESSION_COOKIE_AGE",
    ),
    Fault(
        &[(
            PRODUCTION,
            "DEBUG = False",
            "DEBUG = False\nSESSION_COOKIE_DOMAIN = \".korrigo.test\"",
        )],
        "cookies.domain",
        PRODUCTION,
        "SESSION_COOKIE_DOMAIN",
    ),
    Fault(
        &[(PRODUCTION, "SESSION_COOKIE_SECURE = ENVIRONMENT.ssl", "SESSION_COOKIE_SECURE = True")],
        "cookies.login-loop",
        PRODUCTION,
        "SESSION_COOKIE_SECURE",
    ),
];

/// A variable of some services, and the finding that must come of it.
pub(super) struct Variable {
    pub(super) services: &'static [&'static str],
    pub(super) set: (&'static str, &'static str),
    /// What the file that gives it says then; without it, no file does.
    pub(super) given: Option<Edit>,
    pub(super) id: &'static str,
    pub(super) file: &'static str,
    pub(super) text: &'static str,
}

/// Of the environment, over TLS: each takes new containers.
pub(super) const ENVIRONMENT_OVER_TLS: [Variable; 2] = [
    Variable {
        services: &["backend"],
        set: ("SSL_ENABLED", "false"),
        given: None,
        id: "cookies.secure",
        file: PRODUCTION,
        text: "CSRF_COOKIE_SECURE = ENVIRONMENT.ssl",
    },
    Variable {
        services: &["backend"],
        set: ("SSL_ENABLED", "false"),
        given: Some(("compose.tls.yaml", "SSL_ENABLED: \"true\"", "SSL_ENABLED: \"false\"")),
        id: "cookies.secure",
        file: "compose.tls.yaml",
        text: "SSL_ENABLED: \"false\"",
    },
];

const TWO_HOSTS: (&str, &str) = ("DJANGO_ALLOWED_HOSTS", "korrigo.test,forged.example");

/// Of the environment, over plain HTTP.
pub(super) const ENVIRONMENT_OVER_HTTP: [Variable; 3] = [
    Variable {
        services: &["backend", "proxy"],
        set: TWO_HOSTS,
        given: None,
        id: "hosts.forged",
        file: "/run/nginx/hosts.conf",
        text: "",
    },
    Variable {
        services: &["backend", "proxy"],
        set: TWO_HOSTS,
        given: Some((
            "drill.toml",
            "DJANGO_ALLOWED_HOSTS = \"korrigo.test\"",
            "DJANGO_ALLOWED_HOSTS = \"korrigo.test,forged.example\"",
        )),
        id: "hosts.forged",
        file: "drill.toml",
        text: "DJANGO_ALLOWED_HOSTS",
    },
    Variable {
        services: &["backend", "proxy"],
        set: ("DJANGO_ALLOWED_HOSTS", ".korrigo.test"),
        given: None,
        id: "hosts.below",
        file: "/run/nginx/hosts.conf",
        text: "",
    },
];
