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

/// Reads what the platform says of a request.
pub async fn read(
    context: &Context,
    recording: &RecordingArguments,
    rule: &RelayRule,
    url: &str,
) -> Result<Request, Failure> {
    let place = place(rule, url)?;
    let token = token(context, place.kind, rule)?;
    let http = instance::http(context, recording)?;
    Ok(place.read(&http, token.as_ref()).await?)
}

/// The page of the request alone, whatever part of it was named.
pub fn page(url: &str) -> &str {
    url.split_once('#').map_or(url, |(page, _)| page)
}

fn place(rule: &RelayRule, url: &str) -> Result<Place, Failure> {
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
    if !belongs(&api, host) {
        return Err(Failure::new(
            FailureKind::Configuration,
            format_args!(
                "the anchor's `api` is not at {host}, and would be sent a token of {host}"
            ),
        )
        .with_hint(format_args!("expected {host}, api.{host}, or this machine")));
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
/// tokens by it.
fn belongs(api: &Url, platform: &str) -> bool {
    let name = platform.split(['/', ':']).next().unwrap_or(platform);
    match api.host() {
        Some(Host::Domain(host)) => {
            // Below the platform's host there may be pages that its users write.
            let is_api = host.strip_prefix("api.") == Some(name);
            host == name || host == "localhost" || is_api
        }
        Some(Host::Ipv4(host)) => host.is_loopback() || host.to_string() == name,
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
        for (api, expected) in [
            ("https://api.github.com", true),
            ("https://github.com/api/v3", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("https://evil.test", false),
            ("https://evilgithub.com", false),
            ("https://pages.github.com", false),
            ("https://github.com.evil.test", false),
            ("https://10.0.0.1", false),
        ] {
            let url = Url::parse(api).unwrap();
            assert_eq!(belongs(&url, "github.com"), expected, "{api}");
        }
        let url = Url::parse("https://git.example.test/gitlab/api/v4").unwrap();
        assert!(belongs(&url, "git.example.test:8443/gitlab"));
    }
}
