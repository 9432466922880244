//! Reviews of a request on a code platform, asked for where the anchor says that it is.

use bulla_attest::Service;
use bulla_attest::http::service_url;
use bulla_attest::oidc::Secret;
use bulla_attest::review::{Place, PlatformKind, Request, Token};
use bulla_verify::relay::{self, RelayRule};
use url::{Host, Url};

use super::instance;
use crate::Failure;
use crate::args::signing::RecordingArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::settings::row;

/// Reads what the platform says of a request.
pub async fn read(
    context: &Context,
    recording: &RecordingArguments,
    rule: &RelayRule,
    url: &str,
) -> Result<Request, Failure> {
    let place = place(context, rule, url)?;
    let token = token(context, place.kind, rule)?;
    let http = instance::http(context, recording)?;
    Ok(place.read(&http, token.as_ref()).await?)
}

/// The page of the request alone, whatever part of it was named.
pub fn page(url: &str) -> &str {
    url.split_once('#').map_or(url, |(page, _)| page)
}

fn place(context: &Context, rule: &RelayRule, url: &str) -> Result<Place, Failure> {
    let no_review = || Failure::usage("--review is no address of a pull or merge request");
    let repository = relay::repository(rule.platform(), url).ok_or_else(no_review)?;
    let project = repository
        .strip_prefix(&rule.platform().url())
        .ok_or_else(no_review)?;
    let (path, number) = page(url).rsplit_once('/').ok_or_else(no_review)?;
    let kind = if path.ends_with("/-/merge_requests") {
        PlatformKind::GitLab
    } else {
        PlatformKind::GitHub
    };
    let host = rule.platform().as_str();
    // What kind of platform it is decides which token goes there.
    let is_of_the_other_kind = match kind {
        PlatformKind::GitHub => host == "gitlab.com",
        PlatformKind::GitLab => host == "github.com",
    };
    if is_of_the_other_kind {
        return Err(no_review());
    }
    let usual = match (kind, host) {
        (PlatformKind::GitHub, "github.com") => "https://api.github.com".to_owned(),
        (PlatformKind::GitHub, _) => format!("https://{host}/api/v3"),
        (PlatformKind::GitLab, _) => format!("https://{host}/api/v4"),
    };
    let api = service_url(Service::CodePlatform, rule.api().unwrap_or(&usual))?;
    if !belongs(&api, host) && !named_here(context, &api)? {
        return Err(Failure::new(
            FailureKind::Configuration,
            format_args!(
                "the anchor's `api` is not at {host}, and would be sent a token of {host}"
            ),
        )
        .with_hint(format_args!(
            "expected {host} or api.{host}, with its port; of this machine what --plain-http names"
        )));
    }
    Ok(Place {
        kind,
        api,
        project: project.to_owned(),
        number: number.parse().map_err(|_| no_review())?,
        page: page(url).to_owned(),
    })
}

/// Whether a token of the platform may be sent there: whoever can write an anchor should not learn
/// tokens by it. Behind another port of the host there may be somebody else.
fn belongs(api: &Url, platform: &str) -> bool {
    let authority = platform.split('/').next().unwrap_or(platform);
    let Ok(platform) = Url::parse(&format!("https://{authority}")) else {
        return false;
    };
    let (Some(host), Some(own)) = (api.host_str(), platform.host_str()) else {
        return false;
    };
    let is_named = matches!(platform.host(), Some(Host::Domain(_)));
    // Below the platform's host there may be pages that its users write.
    let is_api = is_named && host.strip_prefix("api.") == Some(own);
    let is_safe = api.scheme() == "https" || is_here(api);
    is_safe
        && (host == own || is_api)
        && api.port_or_known_default() == platform.port_or_known_default()
}

/// Whether it is on this machine, and whoever runs this command named it: anybody may listen at a port,
/// and an anchor alone sends nobody there.
fn named_here(context: &Context, api: &Url) -> Result<bool, Failure> {
    let flag = context.global.plain_http.join(",");
    let flag = (!flag.is_empty()).then_some(flag.as_str());
    let hosts = context.settings.text(&row::PLAIN_HTTP, flag)?;
    let hosts = hosts.map(|setting| setting.value).unwrap_or_default();
    let mut hosts = hosts.split(',').map(str::trim);
    Ok(is_here(api) && hosts.any(|host| host == api.authority()))
}

fn is_here(api: &Url) -> bool {
    match api.host() {
        Some(Host::Domain(host)) => host == "localhost",
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        None => false,
    }
}

/// The token of the job, or one made for it. It goes to the address in the anchor and nowhere else, and
/// a job's only to the server that the job says it runs on.
fn token(
    context: &Context,
    kind: PlatformKind,
    rule: &RelayRule,
) -> Result<Option<Token>, Failure> {
    let url = rule.platform().url();
    let is_server = |name| {
        let server = context.environment().text(name)?;
        let server = server.filter(|text| !text.is_empty());
        let same = |text: &str| text.trim_end_matches('/') == url.trim_end_matches('/');
        Ok::<_, Failure>(server.is_none_or(same))
    };
    let variable = |name| {
        let text = context.environment().text(name)?;
        let text = text.filter(|text| !text.is_empty());
        Ok::<_, Failure>(text.map(Secret::new))
    };
    if kind == PlatformKind::GitHub {
        let token = variable("GITHUB_TOKEN")?;
        let is_server = is_server("GITHUB_SERVER_URL")?;
        return Ok(token.filter(|_| is_server).map(Token::Own));
    }
    if let Some(token) = variable("GITLAB_TOKEN")? {
        return Ok(Some(Token::Own(token)));
    }
    let token = variable("CI_JOB_TOKEN")?;
    let is_server = is_server("CI_SERVER_URL")?;
    Ok(token.filter(|_| is_server).map(Token::Job))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_its_platform() {
        for (platform, api, expected) in [
            ("github.com", "https://api.github.com", true),
            ("github.com", "https://github.com/api/v3", true),
            ("github.com", "https://github.com:443/api/v3", true),
            ("github.com", "https://github.com:8443/api/v3", false),
            ("github.com", "https://api.github.com:8443", false),
            ("github.com", "http://127.0.0.1:8080", false),
            ("github.com", "http://localhost", false),
            ("github.com", "https://[::1]", false),
            ("github.com", "https://evil.test", false),
            ("github.com", "https://evilgithub.com", false),
            ("github.com", "https://pages.github.com", false),
            ("github.com", "https://github.com.evil.test", false),
            ("github.com", "https://10.0.0.1", false),
            ("github.com", "http://github.com", false),
            (
                "git.test:8443/git",
                "https://git.test:8443/git/api/v4",
                true,
            ),
            ("git.test:8443/git", "https://git.test/git/api/v4", false),
            (
                "git.test:8443/git",
                "https://git.test:9000/git/api/v4",
                false,
            ),
            ("127.0.0.1:8080", "https://127.0.0.1:8080/api/v4", true),
            ("127.0.0.1:8080", "https://127.0.0.1:9000/api/v4", false),
            ("localhost:8080", "http://localhost:8080/api/v4", true),
        ] {
            let url = Url::parse(api).unwrap();
            assert_eq!(belongs(&url, platform), expected, "{platform} {api}");
        }
    }
}
