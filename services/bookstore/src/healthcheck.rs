//! `bookstore healthcheck URL`: for containers that hold neither a shell nor curl.
//!
//! One GET over plain HTTP/1.1. Services that speak gRPC answer `/readyz` on the same port.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(2);
/// The longest status line that is read, in bytes.
const LONGEST_LINE: u64 = 1024;

/// Fails, with the reason, unless `url` answers with a 2xx within two seconds.
pub(crate) async fn check(url: &str) -> anyhow::Result<()> {
    let status = tokio::time::timeout(LIMIT, status(url)).await;
    match status.with_context(|| format!("{url}: no answer within {} s", LIMIT.as_secs()))?? {
        200..300 => Ok(()),
        status => bail!("{url} answered {status}"),
    }
}

/// The status that `url` answers with.
pub(crate) async fn status(url: &str) -> anyhow::Result<u16> {
    let target = Target::parse(url)?;
    let stream = TcpStream::connect(target.address()).await.with_context(|| format!("{url} cannot be reached"))?;
    let mut stream = BufReader::new(stream);
    let request = format!("GET {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", target.path, target.host);
    stream.write_all(request.as_bytes()).await.with_context(|| format!("{url} hung up"))?;
    let mut line = String::new();
    stream.take(LONGEST_LINE).read_line(&mut line).await.with_context(|| format!("{url} hung up"))?;
    parse_status(&line).with_context(|| format!("{url} does not speak HTTP"))
}

/// `HTTP/1.1 200 OK` (RFC 9112, section 4).
fn parse_status(line: &str) -> Option<u16> {
    let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    status.trim_end().parse().ok().filter(|status| (100..600).contains(status))
}

#[derive(Debug, PartialEq)]
struct Target<'a> {
    host: &'a str,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else { bail!("{url:?} does not begin with http://") };
        let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !clean(host) || !clean(path) {
            bail!("{url:?} is no URL like http://127.0.0.1:8080/readyz");
        }
        Ok(Self { host, path })
    }

    fn address(&self) -> String {
        // A port follows the last colon, unless that is part of an IPv6 address in brackets.
        let has_port = self.host.rfind(':') > self.host.rfind(']');
        if has_port { self.host.to_owned() } else { format!("{}:80", self.host) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let parsed = |url| Target::parse(url).map(|target| (target.address(), target.path.to_owned())).ok();
        let some = |address: &str, path: &str| Some((address.to_owned(), path.to_owned()));
        assert_eq!(parsed("http://127.0.0.1:8080/readyz"), some("127.0.0.1:8080", "/readyz"));
        assert_eq!(parsed("http://catalog"), some("catalog:80", "/"));
        assert_eq!(parsed("http://[::1]/livez"), some("[::1]:80", "/livez"));
        assert_eq!(parsed("http://[::1]:8/livez"), some("[::1]:8", "/livez"));
        for wrong in
            ["https://a/", "127.0.0.1", "http://", "http:///x", "http://a b/", "http://u:p@h/", "http://h/\r\n"]
        {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    /// Answers one connection with `answer`; the URL of it.
    async fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
        });
        format!("http://{address}/readyz")
    }

    #[tokio::test]
    async fn only_a_2xx_is_well() {
        assert!(check(&server(b"HTTP/1.1 200 OK\r\n\r\n").await).await.is_ok());
        assert!(check(&server(b"HTTP/1.1 204\r\n\r\n").await).await.is_ok());
        for answer in ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 302 Found\r\n\r\n", "SSH-2.0-x\r\n", ""] {
            assert!(check(&server(answer.as_bytes()).await).await.is_err(), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_in_one_line() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let error = format!("{:#}", check(&url).await.unwrap_err());
        assert!(error.starts_with(&url) && !error.contains('\n'), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = check(&format!("http://{}/", listener.local_addr().unwrap())).await.unwrap_err();
        assert!(error.to_string().contains("no answer within 2 s"), "{error}");
    }
}
