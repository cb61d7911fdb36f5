//! Where plain HTTP leads.
//!
//! The first redirect should go to HTTPS on the same host, so that the host gets to send
//! HSTS; every hop being on the preload list is as good.

use super::{mark::Mark, site::Site};

/// Judges the walk that starts over plain HTTP.
pub(super) fn evaluate(site: &Site) -> Mark {
    let Some(landing) = &site.http else {
        return Mark::RedirectionNotNeeded;
    };
    if !landing.verified {
        return Mark::RedirectionInvalidCert;
    }
    let route = &site.http_route;
    let preloaded = |host: Option<&str>| host.is_some_and(|host| site.preload.covers(host));
    if route.iter().all(|hop| preloaded(hop.url.host_str())) {
        return Mark::RedirectionPreloaded;
    }
    let ([first, second, ..], Some(last)) = (route.as_slice(), route.last()) else {
        return Mark::RedirectionMissing;
    };
    if last.url.scheme() != "https" {
        Mark::RedirectionNotToHttps
    } else if second.url.scheme() == "http" {
        Mark::RedirectionNotFirstToHttps
    } else if first.url.scheme() == "http"
        && second.url.scheme() == "https"
        && first.url.host_str() != second.url.host_str()
    {
        Mark::RedirectionOffHost
    } else {
        Mark::RedirectionToHttps
    }
}
